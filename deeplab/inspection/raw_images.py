"""Writes raw images of a data set as files, and panels of their predictions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.datasets.base import RawImage
from deeplab.datasets.panoptic_png import read_segment_ids
from deeplab.inference.read_image import read_image
from deeplab.visualization.panel import prediction_panel
from deeplab.visualization.pictures import write_png


def write_images(images: Iterable[RawImage], folder: Path) -> None:
    """Writes images that are JPEG files, unchanged, as `<name>.jpg`.

    Raises:
      ValueError: an image cannot be loaded.
      OSError: a file cannot be read or written.
    """
    for raw in images:
        with atomic_file(folder / f"{raw.name}.jpg") as file:
            file.write(raw.load().image)


def write_panels(
    images: Iterable[RawImage],
    info: DatasetInfo,
    *,
    image_folder: Path,
    predictions: Path,
    output: Path,
) -> None:
    """Draws image, ground truth and prediction side by side, as `<name>.png`.

    Args:
      images: images with labels.
      info: the data set of the labels and the predictions.
      image_folder: folder with `<name>.jpg` of each image.
      predictions: folder with `<name>_panoptic.png` of each image, as written by
        `deeplab predict`.
      output: folder of the panels.

    Raises:
      ValueError: a file is corrupt, or has another size than its image.
      OSError: a file cannot be read or written.
    """
    for raw in images:
        labels = read_segment_ids(predictions / f"{raw.name}_panoptic.png")
        image = read_image(image_folder / f"{raw.name}.jpg")
        truth = Example(image, panoptic_raw=raw.load().label)
        panel = prediction_panel(image, Prediction(panoptic_pred=labels), info, truth)
        write_png(output / f"{raw.name}.png", panel)
