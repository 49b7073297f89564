"""Pictures of single prediction fields, drawn according to their kind.

The records of the fields define which ones are drawn, and under which names; see
`deeplab.core.fields`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.fields import Kind
from deeplab.core.structures import PREDICTION_FIELDS, Prediction, present
from deeplab.visualization.offsets import offset_colors
from deeplab.visualization.overlay import heatmap_overlay

# Value of the field, image, mask of things -> [h, w, 3] uint8, or None for no picture.
Draw = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray | None]


def field_pictures(
    image: np.ndarray, prediction: Prediction, info: DatasetInfo
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (name, picture) of the fields that have their own picture.

    Pictures are `[h, w, 3]` uint8.

    Args:
      image: `[h, w, 3]` uint8.
      prediction: NumPy arrays at the size of the image, without batch dimension.
      info: description of the data set.
    """
    things = None
    if prediction.semantic_pred is not None:
        things = np.isin(prediction.semantic_pred, info.thing_ids)
    for name, value in present(prediction).items():
        record = PREDICTION_FIELDS[name]
        if record.picture:
            picture = DRAWINGS[record.kind](value, image, things)
            if picture is not None:
                yield record.picture, picture


def _heatmap(
    value: np.ndarray, image: np.ndarray, things: np.ndarray | None
) -> np.ndarray:
    del things
    return heatmap_overlay(image, value)


def _offsets(
    value: np.ndarray, image: np.ndarray, things: np.ndarray | None
) -> np.ndarray | None:
    """Draws offsets only on things, as they are meaningless elsewhere."""
    del image
    return None if things is None else offset_colors(value, things)


DRAWINGS: Mapping[Kind, Draw] = {Kind.HEATMAP: _heatmap, Kind.OFFSETS: _offsets}
