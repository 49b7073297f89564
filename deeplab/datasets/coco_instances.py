"""COCO instances: 80 thing classes on an unlabelled background.

Tsung-Yi Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014
(https://cocodataset.org/#detection-2017). Files as the site distributes them:

  {train,val,test}2017/*.jpg
  annotations/instances_{train,val}2017.json   polygons and run lengths

A label map has one instance per pixel, while these masks overlap: the smaller of two is
on top, and crowds are below all. Pixels without a mask are class 0, background, which
counts as a class.
"""

from __future__ import annotations

import collections
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    LoadedImage,
    RawImage,
    check_split,
    path_inside,
    table_info,
)
from deeplab.datasets.coco import plain_image
from deeplab.datasets.index_png import found_images


@DATASETS.register("coco_instances")
class CocoInstances(Dataset):
    """COCO instances; evaluation ids are COCO's category ids."""

    def __init__(self):
        super().__init__(
            table_info(
                "coco_instances",
                table="coco_instances",
                ignore_label=255,
                label_divisor=256,
                splits={"train": 118287, "val": 5000, "test": 40670},
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`."""
        check_split(self.info, split, tuple(self.info.splits))
        folder = root / f"{split}2017"
        if split == "test":
            return [plain_image(p.stem, p) for p in found_images(folder, "*.jpg")]
        listed = root / "annotations" / f"instances_{split}2017.json"
        entries, annotations = _read_json(listed)
        images = []
        for entry in sorted(entries, key=lambda e: e["file_name"]):
            path = path_inside(folder, entry["file_name"], listed)
            load = functools.partial(
                _load,
                path,
                (int(entry["height"]), int(entry["width"])),
                annotations[entry["id"]],
                self.info,
                crowd_as_ignore,
                listed,
            )
            images.append(RawImage(path.stem, load, str(path)))
        if not images:
            raise ValueError(f"{listed} lists no images")
        return images


def _read_json(path: Path) -> tuple[list[Any], Mapping[Any, list[Any]]]:
    """Returns the images, and image id -> its annotations.

    Raises:
      ValueError: the file is incomplete or has no instance annotations.
    """
    annotations = collections.defaultdict(list)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        for annotation in content["annotations"]:
            kept = ("id", "category_id", "segmentation", "iscrowd")
            annotations[annotation["image_id"]].append({k: annotation[k] for k in kept})
        images = [
            {k: e[k] for k in ("id", "file_name", "height", "width")}
            for e in content["images"]
        ]
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}:{error.lineno}: not JSON ({error.msg}); is the file complete?"
        ) from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: not instance annotations ({error!r})") from error
    return images, annotations


def _load(
    path: Path,
    size: tuple[int, int],
    annotations: Sequence[Mapping[str, Any]],
    info: DatasetInfo,
    crowd_as_ignore: bool,
    listed: Path,
) -> LoadedImage:
    class_ids = {c.evaluation_id: c.id for c in info.classes if c.is_thing}
    labels = info.label_space
    count: collections.Counter[int] = collections.Counter()
    painted = []
    for annotation in annotations:
        where = f"{listed}: annotation {annotation['id']}"
        if annotation["category_id"] not in class_ids:
            raise ValueError(
                f"{where} has category {annotation['category_id']}, which is not in "
                f"data set {info.name!r}"
            )
        class_id = class_ids[annotation["category_id"]]
        mask = decode_segmentation(annotation["segmentation"], size, where)
        if annotation["iscrowd"]:
            crowd = labels.encode(class_id, 0)
            value = labels.void if crowd_as_ignore else crowd
            painted.append((0, 0, value, mask))
            continue
        count[class_id] += 1
        if count[class_id] > labels.max_instances:
            raise ValueError(
                f"{path}: more than {labels.max_instances} instances of "
                f"{info.by_id[class_id].name!r}"
            )
        instance = labels.encode(class_id, count[class_id])
        painted.append((1, -int(mask.sum()), instance, mask))
    label = np.zeros(size, np.int32)
    for _, _, value, mask in sorted(painted, key=lambda p: p[:2]):
        label[mask] = value
    return LoadedImage(path.read_bytes(), label)


def decode_segmentation(
    segmentation: Any, size: tuple[int, int], where: str
) -> np.ndarray:
    """Decodes a `segmentation` of COCO's JSON to an `[H, W]` bool mask.

    Args:
      segmentation: polygons `[[x, y, x, y, ...], ...]`, or run lengths
        `{"size": [H, W], "counts": list or compressed text}`.
      size: (height, width) of the image.
      where: what error messages begin with.

    Raises:
      ValueError: it is neither polygons nor run lengths, or has another size.
    """
    # Imported here because few data sets need it.
    from faster_coco_eval import mask as coco_mask

    height, width = size
    if isinstance(segmentation, Mapping):
        if list(segmentation.get("size", ())) != [height, width]:
            raise ValueError(
                f"{where}: run lengths of size {segmentation.get('size')}, but the "
                f"image is {height} x {width}"
            )
        counts = segmentation.get("counts")
        if isinstance(counts, list):
            return _decode_counts(counts, size, where)
        if not isinstance(counts, str | bytes):
            raise ValueError(f"{where}: run lengths without counts")
        text = counts.encode() if isinstance(counts, str) else counts
        try:
            return coco_mask.decode({"size": [height, width], "counts": text}) > 0
        except ValueError as error:
            raise ValueError(f"{where}: invalid run lengths: {error}") from error
    broken = not isinstance(segmentation, list) or any(
        not isinstance(p, list) or len(p) < 6 or len(p) % 2 for p in segmentation
    )
    if broken or not segmentation:
        raise ValueError(
            f"{where}: neither polygons of at least three points nor run lengths"
        )
    parts: Any = coco_mask.frPyObjects(segmentation, height, width)
    return coco_mask.decode(coco_mask.merge(parts)) > 0


def _decode_counts(
    counts: Sequence[int], size: tuple[int, int], where: str
) -> np.ndarray:
    """Decodes alternating runs of 0 and 1, column by column."""
    if sum(counts) != size[0] * size[1] or min(counts) < 0:
        raise ValueError(f"{where}: run lengths do not add up to the image")
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(size, order="F")
