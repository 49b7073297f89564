"""Panels: pictures side by side, with titles and a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.visualization.matching import numbered_like
from deeplab.visualization.names import font, font_size
from deeplab.visualization.overlay import panoptic_overlay, semantic_overlay

# Smaller images are enlarged to about this many rows, to have room for class names.
_HEIGHT = 384
_GAP = 8
_PAPER, _INK = (255, 255, 255), (40, 40, 40)


def prediction_panel(
    image: np.ndarray,
    prediction: Prediction,
    info: DatasetInfo,
    example: Example | None = None,
) -> np.ndarray:
    """Shows the image, the ground truth (if any) and the prediction side by side.

    Predicted instances have the colours of the ground-truth instances that they match.

    Args:
      image: `[h, w, 3]` uint8.
      prediction: NumPy arrays at the size of the image, without batch dimension.
      info: description of the data set.
      example: the ground truth, in its `..._raw` fields.

    Returns:
      `[H, W, 3]` uint8, larger than the image.

    Raises:
      ValueError: the prediction has no map of classes, or sizes differ.
    """
    truth = example or Example(image)
    if truth.panoptic_raw is not None and prediction.panoptic_pred is not None:
        alike = numbered_like(prediction.panoptic_pred, truth.panoptic_raw, info)
        prediction = prediction._replace(panoptic_pred=alike)
    columns = {"image": _enlarged(image, Image.Resampling.BICUBIC)}
    shown = []
    for title, panoptic, semantic in (
        ("ground truth", truth.panoptic_raw, truth.semantic_raw),
        ("prediction", prediction.panoptic_pred, prediction.semantic_pred),
    ):
        if panoptic is not None and prediction.panoptic_pred is not None:
            large = _enlarged(panoptic, Image.Resampling.NEAREST)
            columns[title] = panoptic_overlay(columns["image"], large, info)
            shown.append(info.label_space.class_of(panoptic))
        elif semantic is not None:
            large = _enlarged(semantic, Image.Resampling.NEAREST)
            columns[title] = semantic_overlay(columns["image"], large, info)
            shown.append(semantic)
    if "prediction" not in columns:
        raise ValueError("the prediction has neither panoptic_pred nor semantic_pred")
    present = {int(i) for one in shown for i in np.unique(one)}
    classes = [info.by_id[i] for i in sorted(present) if i in info.by_id]
    return with_legend(side_by_side(columns), classes)


def side_by_side(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Places pictures of the same height side by side, each under its title.

    Args:
      columns: title -> `[h, w, 3]` uint8.

    Returns:
      `[H, W, 3]` uint8.
    """
    pictures = list(columns.values())
    height = max(p.shape[0] for p in pictures)
    size = font_size(height)
    strip = 2 * size
    width = sum(p.shape[1] + _GAP for p in pictures) + _GAP
    sheet = Image.new("RGB", (width, strip + height + _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    x = _GAP
    for title, picture in columns.items():
        middle = (x + picture.shape[1] / 2, strip / 2)
        pen.text(middle, title, fill=_INK, font=font(size), anchor="mm")
        sheet.paste(Image.fromarray(picture), (x, strip))
        x += picture.shape[1] + _GAP
    return np.asarray(sheet)


def with_legend(picture: np.ndarray, classes: Sequence[ClassInfo]) -> np.ndarray:
    """Adds the names and colours of classes below a picture, in as many rows as needed.

    Args:
      picture: `[h, w, 3]` uint8.
      classes: classes in the legend.
    """
    size = max(12, picture.shape[0] // 36)
    face, row = font(size), round(1.8 * size)
    places, x, y = [], _GAP, 0
    for one in classes:
        width = round(face.getlength(one.name)) + 3 * size
        if x + width > picture.shape[1] and x > _GAP:
            x, y = _GAP, y + row
        places.append((x, y))
        x += width
    sheet = Image.new("RGB", (picture.shape[1], picture.shape[0] + y + row), _PAPER)
    sheet.paste(Image.fromarray(picture))
    pen = ImageDraw.Draw(sheet)
    for one, (x, y) in zip(classes, places, strict=True):
        middle = picture.shape[0] + y + row / 2
        box = (x, middle - size / 2, x + size, middle + size / 2)
        pen.rectangle(box, fill=one.color, outline=_INK)
        pen.text((x + 1.4 * size, middle), one.name, fill=_INK, font=face, anchor="lm")
    return np.asarray(sheet)


def _enlarged(values: np.ndarray, method: Image.Resampling) -> np.ndarray:
    """Enlarges `[h, w, 3]` uint8 or `[h, w]` integers by a whole factor."""
    factor = round(_HEIGHT / values.shape[0])
    if factor <= 1:
        return values
    size = (values.shape[1] * factor, values.shape[0] * factor)
    source = values if values.ndim == 3 else values.astype(np.int32)
    return np.asarray(Image.fromarray(source).resize(size, method))
