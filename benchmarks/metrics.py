"""Compares metrics with the official tools: values, difference and time.

    python benchmarks/metrics.py [--height 1024 --width 2048 --instances 68 --frames 4]

Everything runs on one core, and times are CPU times. Prints two tables: value and time
of every metric next to its official tool, and the time to add one image to each metric.
The data are drawn: videos of moving scenes, and predictions that are shifted, with
segments dropped, merged and relabelled. Instances of Cityscapes have separate small
scenes; classes of images are random.

"tool" is the official program (`benchmarks/official_tools.py` tells how to install it;
if it is missing, the row says so); "definition" is the definition of the paper, written
out in `benchmarks/metric_definitions.py`, where the official code is not a package.
Rows with "files" read the same PNGs. The panoptic quality published with DeepLab2 took
54 ms for an image of 1025 x 2049.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks import metric_definitions, official_tools
from benchmarks.metric_definitions import Frame
from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.datasets import DATASETS
from deeplab.evaluation.stored_predictions import evaluate, match
from deeplab.metrics import METRICS
from deeplab.metrics.base import Metric
from deeplab.metrics.instance_ap import NAMES as AP_NAMES
from deeplab.predictions import FORMATS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.metrics import official_cityscapes
from tests.parity import scenes

# Frames per video; windows of VPQ have up to 4.
FRAMES_OF_VIDEO = 4
CLASSIFIED = 1000
OPTIONS = EvaluatorOptions(detailed_ap_metrics=True)
DEFINED = (
    *("mean_iou", "boundary_iou", "boundary_panoptic_quality"),
    *("stq", "vpq", "vpq_2frames", "depth", "dvpq", "dstq"),
)
PANOPTIC_TOOLS = {
    "panopticapi": "panopticapi.evaluation",
    "cityscapesscripts": "cityscapesscripts.evaluation.evalPanopticSemanticLabeling",
}


class Comparison(NamedTuple):
    """Two programs to run on the same frames; each is timed as a whole."""

    metric: str
    against: str
    # Number of images; times are divided by it.
    images: int
    ours: Callable[[], dict[str, float]]
    official: Callable[[], dict[str, float]]


class Row(NamedTuple):
    """The result of a comparison; official values are None if the tool is missing.

    Times are seconds per image.
    """

    metric: str
    against: str
    ours: dict[str, float]
    seconds: float
    official: dict[str, float] | None
    official_seconds: float

    def difference(self) -> float:
        """Returns the largest absolute difference over all values."""
        assert self.official is not None
        return max(abs(self.ours[name] - v) for name, v in self.official.items())


def drawn_frames(height: int, width: int, instances: int, count: int) -> list[Frame]:
    """Returns frames of videos whose scenes move to the right."""
    frames = []
    rng = np.random.default_rng(0)
    for index in range(count):
        video, step = divmod(index, FRAMES_OF_VIDEO)
        truth = scenes.panoptic(height, width, seed=video, n=instances)
        truth = np.roll(truth, step * max(width // 100, 1), axis=1)
        # The errors of the prediction change every second frame.
        predicted = scenes.perturb(truth, seed=video * FRAMES_OF_VIDEO + step // 2)
        depth = np.maximum(rng.uniform(-20, 80, truth.shape), 0).astype(np.float32)
        error = rng.uniform(0.95, 1.12, truth.shape).astype(np.float32)
        guess = np.maximum(depth * error, np.float32(0.1))
        frames.append(Frame(f"video {video}", truth, predicted, depth, guess))
    return frames


def as_update(
    frames: Sequence[Frame], index: int, scores: dict[int, float], info: DatasetInfo
) -> tuple[Example, Prediction]:
    """Returns the input of a metric update; the last frame is its own next frame."""
    frame, later = frames[index], frames[min(index + 1, len(frames) - 1)]
    labels, place = np.unique(frame.predicted, return_inverse=True)
    confidence = np.array([scores.get(label, 1) for label in labels.tolist()])
    confidence = confidence[place].reshape(frame.predicted.shape)
    class_probs = np.random.default_rng(index).random(info.num_classes, np.float32)
    example = Example(
        image=None,
        class_gt=np.int32(index % info.num_classes),
        panoptic_raw=frame.truth,
        next_panoptic_raw=later.truth,
        semantic_raw=frame.truth // info.label_divisor,
        depth_raw=frame.depth,
        sequence_id=frame.video,
        frame_id=str(index),
    )
    prediction = Prediction(
        panoptic_pred=frame.predicted,
        next_panoptic_pred=later.predicted,
        semantic_pred=frame.predicted // info.label_divisor,
        depth_pred=frame.predicted_depth[..., np.newaxis],
        semantic_scores=confidence,
        instance_scores=np.ones_like(confidence),
        class_probs=class_probs,
    )
    return example, prediction


def drawn_scores(
    frames: Sequence[Frame], info: DatasetInfo
) -> dict[int, dict[int, float]]:
    """Returns frame number -> label of a predicted thing -> its confidence."""
    rng = np.random.default_rng(1)
    things = set(info.thing_ids)
    # Fractions of 2**16, whose mean over pixels is exact.
    return {
        index: {
            label: int(rng.integers(1, 2**16)) / 2**16
            for label in np.unique(frame.predicted).tolist()
            if label // info.label_divisor in things
        }
        for index, frame in enumerate(frames)
    }


def measured(
    name: str, updates: Sequence[tuple[Example, Prediction]], info: DatasetInfo
) -> dict[str, float]:
    """Returns the result of a metric of the library."""
    metric = METRICS.get(name)(info, OPTIONS)
    for example, prediction in updates:
        metric.update(example, prediction)
    return metric.result()


def from_files(
    name: str, layout: str, truth: Path, predicted: Path, info: DatasetInfo
) -> dict[str, float]:
    """Returns the result of `deeplab eval-predictions`, with one process."""
    files = FORMATS.get(layout)()
    pairs = match(files.read(truth, info), files.read(predicted, info))
    results = evaluate(pairs, info, [name])
    return {key.removeprefix(f"{name}/"): value for key, value in results.items()}


def comparisons(
    frames: Sequence[Frame], info: DatasetInfo, folder: Path
) -> Iterator[Comparison]:
    """Yields all comparisons; files are written to `folder`."""
    count = len(frames)
    official_tools.write_coco(folder, frames, info)
    official_tools.write_cityscapes(folder, frames, info)
    ours = functools.partial(
        from_files,
        "panoptic_quality",
        "coco_panoptic",
        folder / "truth.json",
        folder / "predicted.json",
        info,
    )
    for title, module in PANOPTIC_TOOLS.items():
        official = functools.partial(
            official_tools.panoptic_quality, module, folder, frames, info
        )
        yield Comparison(
            "panoptic_quality", f"tool {title}, files", count, ours, official
        )
    yield Comparison(
        "mean_iou",
        "tool cityscapesscripts, files",
        count,
        functools.partial(
            from_files,
            "mean_iou",
            "semantic_png",
            folder / "truth_ids",
            folder / "predicted_ids",
            info,
        ),
        functools.partial(official_tools.cityscapes_iou, folder, frames, info),
    )
    scores = drawn_scores(frames, info)
    updates = [as_update(frames, i, scores[i], info) for i in range(len(frames))]
    yield Comparison(
        "instance_ap",
        "tool pycocotools",
        count,
        functools.partial(measured, "instance_ap", updates, info),
        functools.partial(official_tools.coco_ap, AP_NAMES, scores, frames, info),
    )
    pairs = [
        updates[i]
        for i in range(len(frames) - 1)
        if frames[i].video == frames[i + 1].video
    ]
    yield cityscapes_instances(folder)
    yield classified_images(info)
    for name in DEFINED:
        yield Comparison(
            name,
            "definition",
            count,
            functools.partial(
                measured, name, pairs if name == "vpq_2frames" else updates, info
            ),
            functools.partial(getattr(metric_definitions, name), frames, info),
        )


def cityscapes_instances(folder: Path) -> Comparison:
    """Returns the comparison on the Cityscapes instances that the tests draw."""
    name, layout = "cityscapes_instance_ap", "cityscapes_instances"
    place = folder / layout
    place.mkdir()
    official_cityscapes.write(place)
    return Comparison(
        name,
        "tool cityscapesscripts, files",
        len(official_cityscapes.NAMES),
        functools.partial(
            from_files,
            name,
            layout,
            official_cityscapes.truth_in(place, layout),
            official_cityscapes.predictions_in(place, layout),
            official_cityscapes.INFO,
        ),
        lambda: official_cityscapes.official_numbers(place, [name])[name],
    )


def classified_images(info: DatasetInfo) -> Comparison:
    """Returns the comparison on images with one class each."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, info.num_classes, CLASSIFIED).tolist()
    probs = rng.random((CLASSIFIED, info.num_classes), np.float32)
    updates = [
        (Example(image=None, class_gt=np.int32(c)), Prediction(class_probs=p))
        for c, p in zip(classes, probs, strict=True)
    ]
    return Comparison(
        "top_k_accuracy",
        "definition",
        CLASSIFIED,
        functools.partial(measured, "top_k_accuracy", updates, info),
        functools.partial(metric_definitions.top_k_accuracy, classes, probs),
    )


def compare(comparison: Comparison, repeats: int) -> Row:
    """Runs both programs; times are the shortest of several runs."""
    ours, seconds = best(comparison.ours, repeats)
    try:
        official, official_seconds = best(comparison.official, repeats)
    except ModuleNotFoundError:
        official, official_seconds = None, 0.0
    return Row(
        comparison.metric,
        comparison.against,
        ours,
        seconds / comparison.images,
        official,
        official_seconds / comparison.images,
    )


def best(
    function: Callable[[], dict[str, float]], repeats: int
) -> tuple[dict[str, float], float]:
    """Returns the value of a function and its shortest time in seconds."""
    value, times = {}, []
    for _ in range(repeats):
        start = time.process_time()
        value = function()
        times.append(time.process_time() - start)
    return value, min(times)


def print_rows(rows: Sequence[Row]) -> None:
    """Prints the table of comparisons; times are per image."""
    print(
        f"{'metric':25s} {'against':29s} {'values':>6s} {'ours':>9s} {'official':>9s} "
        f"{'largest difference':>18s} {'ours':>9s} {'official':>10s} {'ratio':>6s}"
    )
    for row in rows:
        first = next(iter(row.ours))
        line = f"{row.metric:25s} {row.against:29s} "
        time_ours = f"{1e3 * row.seconds:6.1f} ms"
        if row.official is None:
            line += f"{'':6s} {row.ours[first]:9.4f}   not installed{'':15s}{time_ours}"
        else:
            line += (
                f"{len(row.official):6d} {row.ours[first]:9.4f} "
                f"{row.official[first]:9.4f} {row.difference():18.1e} {time_ours} "
                f"{1e3 * row.official_seconds:7.1f} ms "
                f"{row.seconds / row.official_seconds:6.3f}"
            )
        print(line)


def print_updates(
    frame: Frame, scores: dict[int, float], info: DatasetInfo, repeats: int
) -> None:
    """Prints the time to add one image, as drawn and in the worst case.

    The worst case is a prediction whose label changes at about every second pixel.
    """
    rng = np.random.default_rng(0)
    half = rng.random(frame.truth.shape) < 0.5
    noisy = np.where(half, 12001, frame.predicted).astype(np.int32)
    kinds = {"drawn": frame, "noise": frame._replace(predicted=noisy)}
    print(f"{'':25s} {'drawn':>10s} {'noise':>10s} {'result':>10s}")
    for name in METRICS.names():
        metric = METRICS.get(name)(info, OPTIONS)
        times = []
        for kind in kinds.values():
            update = as_update([kind], 0, scores, info)
            # A frame of a video can be added only once.
            times.append(best_update(metric, update, repeats))
        start = time.process_time()
        metric.result()
        times.append(time.process_time() - start)
        print(f"{name:25s} " + " ".join(f"{1e3 * t:7.1f} ms" for t in times))


def best_update(
    metric: Metric, update: tuple[Example, Prediction], repeats: int
) -> float:
    """Returns the shortest time of an update in seconds."""
    times = []
    for _ in range(repeats):
        metric.reset()
        start = time.process_time()
        metric.update(*update)
        times.append(time.process_time() - start)
    return min(times)


def use_one_core() -> None:
    """Pins this process to one core, if the system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--height", type=int, default=1024)
    parser.add_argument("--width", type=int, default=2048)
    # Of 68 drawn instances, 60 stay visible.
    parser.add_argument("--instances", type=int, default=68)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    use_one_core()
    info = DATASETS.get("cityscapes_panoptic")().info
    frames = drawn_frames(args.height, args.width, args.instances, args.frames)
    size = f"{args.height} x {args.width}, {args.instances} instances, one core"
    print(f"{args.frames} frames of {size}; times per frame, values in percent")
    with tempfile.TemporaryDirectory() as folder:
        found = comparisons(frames, info, Path(folder))
        rows = [compare(comparison, args.repeats) for comparison in found]
    print_rows(rows)
    print(f"\nadding one image of {size}, best of {5 * args.repeats}")
    print_updates(frames[0], drawn_scores(frames, info)[0], info, 5 * args.repeats)


if __name__ == "__main__":
    main()
