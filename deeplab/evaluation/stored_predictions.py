"""Evaluates the stored predictions of any program against ground truth.

Worker processes read and compare the images, and their counts are merged, so results
do not depend on the number of workers. Without TensorFlow, for these workers.
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

# Images that a worker reads before it returns its counts.
_CHUNK = 16
_NAMES_SHOWN = 3


class Pair(NamedTuple):
    """The two label maps of an image; a missing prediction has no segments."""

    name: str
    truth: StoredMap
    prediction: StoredMap | None


def match(
    truth: Mapping[str, StoredMap],
    predictions: Mapping[str, StoredMap],
    complete: bool = True,
) -> list[Pair]:
    """Returns the pairs of maps with the same name, in the order of the ground truth.

    Args:
      truth: name -> map.
      predictions: name -> map.
      complete: whether images without segments need a prediction as well.

    Raises:
      ValueError: no image has a prediction, or, if `complete`, one image has none.
    """
    missing = [name for name in truth if name not in predictions]
    if missing and (complete or len(missing) == len(truth)):
        shown = ", ".join(missing[:_NAMES_SHOWN])
        raise ValueError(
            f"{len(missing)} of {len(truth)} images have no prediction: {shown}"
            f"{' ...' if len(missing) > _NAMES_SHOWN else ''}; predictions are named "
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
    """Computes metrics of pairs of label maps.

    Args:
      pairs: the pairs to compare; frames of a video in order.
      info: the data set.
      names: registered names of the metrics.
      workers: number of processes that read and compare.
      advance: called with the number of images that were added.

    Returns:
      "<metric>/<key>" -> value, independent of the number of workers.

    Raises:
      ValueError: a metric is unknown or a map is corrupt.
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
    """Yields chunks of images; a sequence is never split."""
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
    """Reads the maps of an image, in the form of an evaluation in memory."""
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
        # The files have a single score for class and mask.
        semantic_scores=equally_sure,
        instance_scores=scores,
        depth_pred=None if predicted.depth is None else predicted.depth[..., None],
    )
    return example, prediction
