"""Pictures of evaluated images, named as in DeepLab2, and a panel with an overview."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.visualization import WRITERS
from deeplab.visualization.colors import panoptic_colors, semantic_colors
from deeplab.visualization.field_pictures import field_pictures
from deeplab.visualization.panel import prediction_panel


class PictureWriter:
    """Writes `<number>_panel.png` and individual maps for the first images."""

    def __init__(self, folder: Path, info: DatasetInfo, limit: int):
        """Makes the writer.

        Args:
          folder: output folder.
          info: description of the data set.
          limit: maximum number of images per evaluation.
        """
        self._folder = folder
        self._info = info
        self._limit = limit
        self._count = 0

    def reset(self) -> None:
        """Restarts the count, so that pictures of the last evaluation are replaced."""
        self._count = 0

    def write(self, example: Example, prediction: Prediction) -> None:
        """See `Writer`."""
        if self._count >= self._limit:
            return
        for name, picture in evaluation_pictures(example, prediction, self._info):
            write_png(self._folder / f"{self._count:06d}_{name}.png", picture)
        self._count += 1

    def close(self) -> None:
        """Does nothing, as every picture is already complete."""


def evaluation_pictures(
    example: Example, prediction: Prediction, info: DatasetInfo
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (name, picture) of everything that can be shown.

    Pictures are `[h, w, 3]` or `[h, w]` uint8.

    Args:
      example: see `Writer`.
      prediction: see `Writer`.
      info: description of the data set.
    """
    image = shown_image(example)
    yield "panel", prediction_panel(image, prediction, info, example)
    yield "image", image
    for suffix, semantic, panoptic in (
        ("prediction", prediction.semantic_pred, prediction.panoptic_pred),
        ("label", example.semantic_raw, example.panoptic_raw),
    ):
        if semantic is not None:
            yield f"semantic_{suffix}", semantic_colors(semantic, info)
        if panoptic is not None and prediction.panoptic_pred is not None:
            yield f"panoptic_{suffix}", panoptic_colors(panoptic, info)
    yield from field_pictures(image, prediction, info)
    if prediction.semantic_pred is not None and example.semantic_raw is not None:
        wrong = prediction.semantic_pred != example.semantic_raw
        wrong &= example.semantic_raw != info.ignore_label
        yield "semantic_error", wrong.astype(np.uint8) * 255


def shown_image(example: Example) -> np.ndarray:
    """Returns the image of an evaluated example at its stored size, `[H, W, 3]` uint8.

    Args:
      example: example with `image` as the input of the network, where channels after
        the first three are other frames; `resized_size` and `size_raw` if it was padded
        or resized.
    """
    image = np.asarray(example.image)[..., :3]
    if example.resized_size is not None:
        height, width = example.resized_size
        image = image[:height, :width]
    image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if example.size_raw is None or tuple(example.size_raw) == image.shape[:2]:
        return image
    height, width = (int(v) for v in example.size_raw)
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def write_png(path: Path, picture: np.ndarray) -> None:
    """Writes a picture, `[h, w, 3]` or `[h, w]` uint8, atomically as a PNG file."""
    with atomic_file(path) as file:
        Image.fromarray(picture).save(file, "PNG")


@WRITERS.register("pictures")
def build_pictures(
    options: EvaluatorOptions, info: DatasetInfo, folder: Path
) -> PictureWriter | None:
    """Returns the writer if `save_predictions` is set, for `num_vis_samples` images."""
    limit = options.num_vis_samples
    return PictureWriter(folder, info, limit) if options.save_predictions else None
