"""What a metric is, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction


class Metric(Protocol):
    """A number, or several, that an evaluation gathers image by image.

    Whatever order the images come in and however they are shared out among metrics
    that are merged later, results and states are equal bit for bit.
    """

    def reset(self) -> None:
        """Forgets all images."""
        ...

    def update(self, example: Example, prediction: Prediction) -> None:
        """Adds one image.

        Args:
          example: the image's labels as they were stored (`..._raw`), NumPy arrays
            without batch dimension.
          prediction: what was predicted for it, at the same size.

        Raises:
          ValueError: a map is missing or has another size, or holds ids outside the
            classes.
        """
        ...

    def result(self) -> dict[str, float]:
        """Returns name -> value, in percent unless it is a count."""
        ...

    def merge(self, other: Any) -> None:
        """Adds the images of another metric of the same kind."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that was gathered, as plain arrays."""
        ...

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Replaces what was gathered by what `state` returned earlier."""
        ...


def check_maps(example: Example, **maps: np.ndarray | None) -> None:
    """Refuses maps that are missing, empty or of different height and width.

    Args:
      example: the image, for its name.
      **maps: name -> [h, w, ...] array.

    Raises:
      ValueError: see above; the message names image, maps and sizes.
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
        raise ValueError(f"{where}: maps have no pixels")


def check_truth(example: Example, info: DatasetInfo, class_ids: Iterable[int]) -> None:
    """Refuses ground truth of a class that the data set does not have.

    Raises:
      ValueError: an id is neither a class nor the ignore label.
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
    """Refuses predictions of a class that a model of the data set cannot predict.

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
    """Returns how messages call the image."""
    return text_of(example.image_filename) or "image"


def text_of(name: Any) -> str:
    """Returns a name, bytes or a scalar array of them, as text; "" if it is None."""
    if name is None:
        return ""
    if isinstance(name, np.ndarray):
        name = name.item()
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
