"""Metrics of predictions that any program has stored, beside their ground truth.

Images are read and compared in processes of their own, and their counts merged: the
results do not depend on how many there are. Without TensorFlow, for these workers.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.data.parallel import parallel_map
from deeplab.metrics import METRICS
from deeplab.metrics.base import Metric
from deeplab.predictions.base import LabelMap, StoredMap
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Images that a worker reads before it hands over what it counted.
_CHUNK = 16
_NAMES_SHOWN = 3


class Pair(NamedTuple):
    """The two label maps of an image; no prediction means no segments."""

    name: str
    truth: StoredMap
    prediction: StoredMap | None


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
    advance: Callable[[int], object] = lambda images: None,
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
    return {name: METRICS.get(name)(info, EvaluatorOptions()) for name in names}


def _count(
    pairs: Sequence[Pair], *, info: DatasetInfo, names: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Returns metric -> its state after some images; runs in a worker."""
    metrics = _build(names, info)
    for pair in pairs:
        example, prediction = _loaded(pair, info)
        for metric in metrics.values():
            metric.update(example, prediction)
    return {name: metric.state() for name, metric in metrics.items()}


def _loaded(pair: Pair, info: DatasetInfo) -> tuple[Example, Prediction]:
    """Reads the maps of an image, as an evaluation in memory has them."""
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
    scores = equally_sure if predicted.scores is None else predicted.scores
    prediction = Prediction(
        panoptic_pred=predicted.panoptic,
        semantic_pred=info.label_space.class_of(predicted.panoptic),
        # The files have one score, of class and mask together.
        semantic_scores=equally_sure,
        instance_scores=scores,
        depth_pred=None if predicted.depth is None else predicted.depth[..., None],
    )
    return example, prediction
