"""Draws pictures of a record: the image, and the image with a label overlay.

Without TensorFlow, for worker processes.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from deeplab.core.atomic_file import atomic_file
from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.encoded_label import decode_label
from deeplab.data.stored_example import StoredExample
from deeplab.visualization.gallery import Card
from deeplab.visualization.overlay import panoptic_overlay
from deeplab.visualization.segments import find_segments

# Largest side of a picture, in pixels.
_SIDE = 720
_CLASSES_NAMED = 8


class NumberedRecord(NamedTuple):
    """An image of a record, and where it is stored.

    Attributes:
      number: number of its pictures.
      path: the file.
      record: number of the record in the file, from 0.
      example: content of the record.
    """

    number: int
    path: str
    record: int
    example: StoredExample


def draw_record(place: NumberedRecord, folder: Path, info: DatasetInfo) -> Card:
    """Writes `images/<number>_image.jpg` and `_labels.jpg`.

    Args:
      place: the record.
      folder: folder of the page.
      info: the data set.

    Returns:
      The card of the record on a page.

    Raises:
      ValueError: the label is corrupt, or has another size than the image.
      OSError: the image is corrupt, or a picture cannot be written.
    """
    example = place.example
    where = f"{Path(place.path).name}, record {place.record}"
    with Image.open(io.BytesIO(example.image)) as opened:
        image = np.asarray(opened.convert("RGB"))
    overlay, text, class_ids = image, "no label", ()
    if example.label is not None:
        try:
            label = _label(example, info)
            overlay = panoptic_overlay(image, label, info)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        found = np.unique(info.label_space.class_of(label)).tolist()
        class_ids = tuple(c for c in found if c in info.by_id)
        text = describe_label(label, info)
    names = {}
    for kind, picture in (("image", image), ("labels", overlay)):
        names[kind] = f"images/{place.number:06d}_{kind}.jpg"
        _write_jpeg(folder / names[kind], picture)
    name = example.filename or "unnamed"
    return Card(name, where, names["image"], names["labels"], class_ids, text)


def describe_label(label: np.ndarray, info: DatasetInfo) -> str:
    """Describes the largest classes, their instances, and the fraction of void.

    Args:
      label: `[h, w]` panoptic labels.
      info: the data set.
    """
    area: dict[int, int] = {}
    instances: dict[int, int] = {}
    for segment in find_segments(label, info):
        area[segment.class_id] = area.get(segment.class_id, 0) + segment.area
        if segment.instance:
            instances[segment.class_id] = instances.get(segment.class_id, 0) + 1
    order = sorted(area, key=lambda class_id: -area[class_id])
    parts = [
        f"{info.by_id[c].name if c in info.by_id else f'class {c}'}"
        + (f" ({instances[c]})" if c in instances else "")
        for c in order[:_CLASSES_NAMED]
    ]
    if len(order) > _CLASSES_NAMED:
        parts.append(f"{len(order) - _CLASSES_NAMED} more")
    void = 1 - sum(area.values()) / label.size
    return f"{', '.join(parts)}; void {void:.0%}"


def _label(example: StoredExample, info: DatasetInfo) -> np.ndarray:
    assert example.label is not None
    return decode_label(
        example.label,
        example.label_format,
        example.height,
        example.width,
        info.label_space,
    )


def _write_jpeg(path: Path, picture: np.ndarray) -> None:
    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    with atomic_file(path) as file:
        image.save(file, "JPEG", quality=88)
