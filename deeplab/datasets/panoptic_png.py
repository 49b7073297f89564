"""The COCO panoptic format: a PNG of segment ids, and JSON that describes them.

Alexander Kirillov et al., "Panoptic Segmentation", CVPR 2019
(https://arxiv.org/abs/1801.00868; format: https://cocodataset.org/#format-data).
Cityscapes' own scripts write it as well. Instances are numbered per class from 1, in
the order of the JSON, as in published records.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets.image_file import read_image
from deeplab.datasets.runs import areas, find_runs, relabel


class Annotation(NamedTuple):
    """The entry of one image in the JSON."""

    file_name: str
    segments: Sequence[Mapping[str, Any]]
    # Id of the image in the JSON; the file name if there is none.
    image_id: str


def read_annotations(path: Path) -> dict[str, Annotation]:
    """Reads the JSON as file name of the PNG, without suffix -> annotation.

    Raises:
      ValueError: the file is incomplete, has no panoptic annotations, or lists an
        image twice.
    """
    return by_name(path, read_annotation_list(path), lambda e: Path(e.file_name).stem)


def read_annotation_list(path: Path) -> list[Annotation]:
    """Reads the annotations of the JSON, in its order.

    Raises:
      ValueError: the file is incomplete or has no panoptic annotations.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        for entry in content["annotations"]:
            for segment in entry["segments_info"]:
                if not isinstance(segment["id"] + segment["category_id"], int):
                    raise TypeError(f"ids are integers: {segment}")
        return [
            Annotation(
                a["file_name"],
                a["segments_info"],
                str(a.get("image_id", Path(a["file_name"]).stem)),
            )
            for a in content["annotations"]
        ]
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}:{error.lineno}: not JSON ({error.msg}); is the file complete?"
        ) from error
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not panoptic annotations: `annotations` have to have `file_name` "
            "and `segments_info`, and these `id` and `category_id` "
            f"({error!r})"
        ) from error


def by_name(
    path: Path, entries: Iterable[Annotation], name: Callable[[Annotation], str]
) -> dict[str, Annotation]:
    """Returns name -> annotation.

    Raises:
      ValueError: two annotations have the same name.
    """
    result: dict[str, Annotation] = {}
    for entry in entries:
        if name(entry) in result:
            raise ValueError(f"{path}: {name(entry)!r} is listed twice")
        result[name(entry)] = entry
    return result


def read_segment_ids(path: Path) -> np.ndarray:
    """Reads a PNG of segment ids: `[H, W]` int32, r + 256 g + 65536 b.

    Raises:
      ValueError: the file is not a complete RGB PNG.
      FileNotFoundError: the file does not exist.
    """
    image = read_image(path)
    if image.mode not in ("RGB", "RGBA"):
        raise ValueError(f"{path}: not an RGB PNG of segment ids, but {image.mode}")
    # The four bytes of a pixel are one int32; the last byte is padding.
    packed = np.frombuffer(image.convert("RGBA").tobytes(), "<i4")
    return (packed & 0xFFFFFF).reshape(image.height, image.width)


def panoptic_label(
    ids: np.ndarray,
    segments: Sequence[Mapping[str, Any]],
    class_ids: Mapping[int, int],
    info: DatasetInfo,
    *,
    crowd_as_ignore: bool,
    path: Path,
) -> np.ndarray:
    """Converts a map of segment ids to panoptic labels.

    Args:
      ids: `[H, W]` int32 segment ids; 0 is void.
      segments: `segments_info` of the map.
      class_ids: category id in the JSON -> class id.
      info: the data set.
      crowd_as_ignore: see `Dataset.read`.
      path: file of the ids, for error messages.

    Returns:
      `[H, W]` int32 panoptic labels.

    Raises:
      ValueError: ids and segments disagree, a category is unknown, or a class has more
        instances than the label divisor allows.
    """
    runs = find_runs(ids)
    found, pixels, first = areas(runs)
    void = info.label_space.void
    new_label = {0: void}
    area = dict(zip(found.tolist(), pixels.tolist(), strict=True))
    count: collections.Counter[int] = collections.Counter()
    for segment in segments:
        segment_id = int(segment["id"])
        drawn = area.get(segment_id, 0)
        if segment.get("area", drawn) != drawn:
            raise ValueError(
                f"{path}: segment {segment_id} has {drawn} pixels, but area "
                f"{segment['area']} in the JSON; correct or remove the area"
            )
        new_label[segment_id] = _segment_label(
            segment, class_ids, info, count, void if crowd_as_ignore else None, path
        )
    for value, start in zip(found.tolist(), first.tolist(), strict=True):
        if value not in new_label:
            y, x = divmod(start, ids.shape[1])
            raise ValueError(
                f"{path}: pixel (row {y}, column {x}) has id {value}, which the JSON "
                "does not list"
            )
    return relabel(runs, found, new_label, ids.shape)


def _segment_label(
    segment: Mapping[str, Any],
    class_ids: Mapping[int, int],
    info: DatasetInfo,
    count: collections.Counter[int],
    crowd_label: int | None,
    path: Path,
) -> int:
    category = int(segment["category_id"])
    if category not in class_ids:
        raise ValueError(
            f"{path}: segment {segment['id']} has category {category}, which is not in "
            f"data set {info.name!r}"
        )
    class_id = class_ids[category]
    is_thing = info.by_id[class_id].is_thing
    if segment.get("iscrowd", 0):
        if not is_thing:
            raise ValueError(
                f"{path}: segment {segment['id']} is a crowd of a stuff class"
            )
        if crowd_label is not None:
            return crowd_label
        return info.label_space.encode(class_id, 0)
    if not is_thing:
        return info.label_space.encode(class_id, 0)
    count[class_id] += 1
    if count[class_id] > info.label_space.max_instances:
        raise ValueError(
            f"{path}: more than {info.label_space.max_instances} instances "
            f"of {info.by_id[class_id].name!r}"
        )
    return info.label_space.encode(class_id, count[class_id])
