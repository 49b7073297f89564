"""`deeplab eval-predictions`: metrics of predictions that any program has stored."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from deeplab.cli.data_source import named_data_set

if TYPE_CHECKING:
    import numpy as np

    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.metrics.base import Metric
    from deeplab.predictions.base import StoredMap

HELP = "measure stored predictions of any program"

# Instances of one class that are told apart, whatever the data set's own divisor is.
_DIVISOR = 2**16
# Images that a worker reads before it hands over what it counted.
_CHUNK = 16
_NAMES_SHOWN = 3
_PER_CLASS = ("pq", "iou")


class Pair(NamedTuple):
    """The two label maps of an image; no prediction means no segments."""

    name: str
    truth: StoredMap
    prediction: StoredMap | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--format",
        required=True,
        help="of the files, such as coco_panoptic, kitti_step or cityscapes_pixel; "
        "g3doc/metrics.md lists all",
    )
    parser.add_argument(
        "--ground_truth_format", help="of the ground truth, if it differs"
    )
    parser.add_argument("--ground_truth", required=True, help="folder, or JSON of COCO")
    parser.add_argument("--predictions", required=True, help="folder, or JSON of COCO")
    parser.add_argument(
        "--dataset", help="data set of the labels; COCO's JSON can tell by itself"
    )
    parser.add_argument("--description", help="JSON description of the data set")
    parser.add_argument(
        "--metrics",
        nargs="+",
        help="names of metrics, such as panoptic_quality mean_iou boundary_iou "
        "boundary_panoptic_quality stq vpq (default: those of the format)",
    )
    parser.add_argument("--output", help="folder for results.json and pictures")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (all cores)"
    )


def run(args: argparse.Namespace) -> int:
    """Measures the predictions and prints the results.

    Raises:
      ValueError: files are missing, damaged or do not belong together.
    """
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.predictions import FORMATS

    layout = FORMATS.get(args.format)()
    truth_layout = FORMATS.get(args.ground_truth_format or args.format)()
    info = _data_set(args)
    names = args.metrics or layout.metrics
    pairs = match(
        truth_layout.read(Path(args.ground_truth), info),
        layout.read(Path(args.predictions), info),
        complete=layout.lists_every_image,
    )
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("measuring", total=len(pairs))
        results = evaluate(
            pairs, info, names, args.workers, lambda n: bar.advance(task, n)
        )
    if args.output:
        _write_results(Path(args.output), results, info)
    _print_results(results, info, len(pairs))
    return 0


def match(
    truth: Mapping[str, StoredMap],
    predictions: Mapping[str, StoredMap],
    complete: bool = True,
) -> list[Pair]:
    """Returns the pairs of maps of the same name, in the order of the truth.

    Args:
      truth: name -> map.
      predictions: name -> map.
      complete: whether an image without segments has a prediction, too.

    Raises:
      ValueError: an image has no prediction, or none has one.
    """
    missing = [name for name in truth if name not in predictions]
    if missing and (complete or len(missing) == len(truth)):
        shown = ", ".join(missing[:_NAMES_SHOWN])
        raise ValueError(
            f"{len(missing)} of {len(truth)} images have no prediction: {shown}"
            f"{' ...' if len(missing) > _NAMES_SHOWN else ''}; predictions are called "
            f"{', '.join(list(predictions)[:_NAMES_SHOWN])} ..."
        )
    return [Pair(name, truth[name], predictions.get(name)) for name in truth]


def evaluate(
    pairs: Sequence[Pair],
    info: DatasetInfo,
    names: Sequence[str],
    workers: int = 1,
    advance: Any = lambda images: None,
) -> dict[str, float]:
    """Measures pairs of label maps.

    Args:
      pairs: what to compare; frames of a video in order.
      info: the data set.
      names: metrics, by registered name.
      workers: processes that read and compare.
      advance: called with the number of images that were added.

    Returns:
      "<metric>/<key>" -> value; the same whatever the number of workers.

    Raises:
      ValueError: a metric is unknown or a map is damaged.
    """
    from deeplab.data.parallel import parallel_map

    metrics = _build(names, info)
    chunks = list(_chunks(pairs))
    count = functools.partial(_count, info=info, names=tuple(names))
    for chunk, states in zip(
        chunks, parallel_map(count, chunks, min(workers, len(chunks))), strict=True
    ):
        for name, part in _build(names, info).items():
            part.load_state(states[name])
            metrics[name].merge(part)
        advance(len(chunk))
    return {
        f"{name}/{key}": float(value)
        for name, metric in metrics.items()
        for key, value in metric.result().items()
    }


def _chunks(pairs: Sequence[Pair]) -> Iterable[list[Pair]]:
    """Yields runs of images; a sequence stays in one piece."""
    groups: dict[str, list[Pair]] = collections.defaultdict(list)
    for pair in pairs:
        groups[pair.truth.sequence].append(pair)
    for sequence, group in groups.items():
        step = len(group) if sequence else _CHUNK
        for start in range(0, len(group), step):
            yield group[start : start + step]


def _build(names: Sequence[str], info: DatasetInfo) -> dict[str, Metric]:
    from deeplab.metrics import METRICS
    from deeplab.protos.evaluator_pb2 import EvaluatorOptions

    return {name: METRICS.get(name)(info, EvaluatorOptions()) for name in names}


def _count(
    pairs: Sequence[Pair], *, info: DatasetInfo, names: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Returns metric -> its state after some images; runs in a worker."""
    import numpy as np

    from deeplab.core.structures import Example, Prediction
    from deeplab.predictions.base import LabelMap

    metrics = _build(names, info)
    for pair in pairs:
        truth = pair.truth.load()
        predicted = pair.prediction.load() if pair.prediction else None
        if predicted is None or not predicted.panoptic.size:
            void = info.label_space.void
            predicted = LabelMap(np.full_like(truth.panoptic, void))
        example = Example(
            image=None,
            panoptic_raw=truth.panoptic,
            semantic_raw=info.label_space.class_of(truth.panoptic),
            depth_raw=truth.depth,
            image_filename=pair.name,
            sequence_id=pair.truth.sequence or None,
            frame_id=Path(pair.name).stem,
        )
        equally_sure = np.ones(predicted.panoptic.shape, np.float32)
        prediction = Prediction(
            panoptic_pred=predicted.panoptic,
            semantic_pred=info.label_space.class_of(predicted.panoptic),
            # The files have one score, of class and mask together.
            semantic_scores=equally_sure,
            instance_scores=equally_sure
            if predicted.scores is None
            else predicted.scores,
            depth_pred=None if predicted.depth is None else predicted.depth[..., None],
        )
        for metric in metrics.values():
            metric.update(example, prediction)
    return {name: metric.state() for name, metric in metrics.items()}


def _data_set(args: argparse.Namespace) -> DatasetInfo:
    info = named_data_set(args)
    if info is None:
        if (args.ground_truth_format or args.format) != "coco_panoptic":
            raise ValueError(f"--format {args.format} needs --dataset or --description")
        from deeplab.predictions.coco_panoptic import described_by

        info = described_by(Path(args.ground_truth))
    return dataclasses.replace(info, label_divisor=_DIVISOR)


def _print_results(
    results: Mapping[str, float], info: DatasetInfo, images: int
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    per_class = {c.name for c in info.classes}
    summary = Table(title=f"{images} images of {escape(info.name)}")
    summary.add_column("metric")
    summary.add_column("value", justify="right")
    for key, value in results.items():
        if key.split("/", 2)[-1] not in per_class:
            summary.add_row(escape(key), f"{value:.2f}")
    console.print(summary)
    columns = sorted(
        {
            "/".join(k.split("/", 2)[:2])
            for k in results
            if k.split("/", 2)[-1] in per_class
        }
    )
    table = Table()
    table.add_column("class")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    for c in info.classes:
        values = [results.get(f"{column}/{c.name}") for column in columns]
        if any(value is not None for value in values):
            cells = ("" if v is None else f"{v:.2f}" for v in values)
            table.add_row(escape(c.name), *cells)
    console.print(table)


def _write_results(
    folder: Path, results: Mapping[str, float], info: DatasetInfo
) -> None:
    from deeplab.core.atomic_file import atomic_file
    from deeplab.visualization.bars import Bar, bar_chart
    from deeplab.visualization.pictures import write_png

    with atomic_file(folder / "results.json") as file:
        file.write((json.dumps(results, indent=1) + "\n").encode())
    metrics = dict.fromkeys(key.split("/")[0] for key in results)
    for metric in metrics:
        for kind in _PER_CLASS:
            bars = [
                Bar(c.name, results[f"{metric}/{kind}/{c.name}"], c.color)
                for c in info.classes
                if f"{metric}/{kind}/{c.name}" in results
            ]
            if bars:
                picture = bar_chart(f"{metric}: {kind} of each class, in %", bars)
                write_png(folder / f"{metric}_{kind}.png", picture)
