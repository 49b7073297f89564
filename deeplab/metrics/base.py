"""The interface of metrics, and the checks that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction


class Metric(Protocol):
    """Accumulates one or several numbers over the images of an evaluation.

    Results and states are equal bit for bit, regardless of the order of the images and
    of how they are split among metrics that are merged later.
    """

    def reset(self) -> None:
        """Forgets all images."""
        ...

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image.

        Args:
          example: the image's labels as stored (`..._raw`), NumPy arrays without batch
            dimension.
          prediction: the prediction for the image, at the same size.

        Raises:
          ValueError: a map is missing, maps differ in size, or a map contains ids that
            are not classes.
        """
        ...

    def result(self) -> dict[str, float]:
        """Returns name -> value, in percent unless it is a count."""
        ...

    def merge(self, other: Any) -> None:
        """Adds the images of another metric of the same kind."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """Returns everything that was accumulated, as plain arrays."""
        ...

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces what was accumulated by the arrays that `state` returned."""
        ...


def check_maps(example: Example, **maps: np.ndarray | None) -> None:
    """Checks that maps exist, are not empty, and have the same height and width.

    Args:
      example: the image, for its name.
      **maps: name -> [h, w, ...] array.

    Raises:
      ValueError: a check fails; the message names the image, maps and sizes.
    """
    where = image_name(example)
    sizes = {name: np.shape(m)[:2] for name, m in maps.items() if m is not None}
    missing = sorted(set(maps) - set(sizes))
    if missing:
        raise ValueError(f"{where}: no {' and no '.join(missing)} to evaluate")
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {h} x {w}" for name, (h, w) in sizes.items())
        raise ValueError(f"{where}: maps differ in size (height x width): {listed}")
    if 0 in next(iter(sizes.values())):
        raise ValueError(f"{where}: the maps have no pixels")


def check_truth(example: Example, info: DatasetInfo, class_ids: Iterable[int]) -> None:
    """Checks that the class ids of the ground truth exist in the data set.

    Raises:
      ValueError: an id is neither a class id nor the ignore label.
    """
    unknown = sorted(set(map(int, class_ids)) - set(info.by_id) - {info.ignore_label})
    if unknown:
        raise ValueError(
            f"{image_name(example)}: the ground truth has class ids {unknown}, which "
            f"are neither classes of {info.name!r} nor its ignore label "
            f"{info.ignore_label}"
        )


def check_prediction(
    example: Example, info: DatasetInfo, class_ids: Iterable[int]
) -> None:
    """Checks that predicted class ids are possible for models of the data set.

    Raises:
      ValueError: an id is neither a channel of the model nor the ignore label.
    """
    unknown = sorted(
        set(map(int, class_ids)) - set(range(info.num_classes)) - {info.ignore_label}
    )
    if unknown:
        raise ValueError(
            f"{image_name(example)}: class ids {unknown} were predicted, but "
            f"{info.name!r} has {info.num_classes} classes and the ignore label "
            f"{info.ignore_label}"
        )


def image_name(example: Example) -> str:
    """Returns the name of the image for messages."""
    return text_of(example.image_filename) or "image"


def text_of(name: Any) -> str:
    """Returns a name, bytes or a scalar array of them, as text; "" if it is None."""
    if name is None:
        return ""
    if isinstance(name, np.ndarray):
        name = name.item()
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
