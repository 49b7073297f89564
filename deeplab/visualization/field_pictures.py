"""Pictures of single fields of a prediction, by what they hold.

Which fields are drawn, and under which name, is in their records: see
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

# Value of the field, image, pixels of things -> [h, w, 3] uint8; None draws nothing.
Draw = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray | None]


def field_pictures(
    image: np.ndarray, prediction: Prediction, info: DatasetInfo
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields name and `[h, w, 3]` uint8 picture of the fields that are drawn alone.

    Args:
      image: `[h, w, 3]` uint8.
      prediction: NumPy fields of the image, without batch dimension.
      info: the data set.
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
    """Offsets mean something on things alone."""
    del image
    return None if things is None else offset_colors(value, things)


DRAWINGS: Mapping[Kind, Draw] = {Kind.HEATMAP: _heatmap, Kind.OFFSETS: _offsets}
