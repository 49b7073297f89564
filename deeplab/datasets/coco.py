"""COCO panoptic: 118,287 photographs in 80 thing and 53 stuff classes.

Tsung-Yi Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, and
Alexander Kirillov et al., "Panoptic Segmentation", CVPR 2019
(https://cocodataset.org/#panoptic-2019). Files as the site distributes them:

  {train,val,test}2017/*.jpg
  annotations/panoptic_{train,val}2017.json
  annotations/panoptic_{train,val}2017/*.png
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

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
from deeplab.datasets.panoptic_png import (
    Annotation,
    panoptic_label,
    read_annotations,
    read_segment_ids,
)


@DATASETS.register("coco_panoptic")
class CocoPanoptic(Dataset):
    """COCO panoptic; class 0 is void, evaluation ids are COCO's category ids."""

    def __init__(self):
        super().__init__(
            table_info(
                "coco_panoptic",
                table="coco_panoptic",
                ignore_label=0,
                label_divisor=256,
                splits={"train": 118287, "val": 5000, "test": 40670},
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`."""
        check_split(self.info, split, ("train", "val", "test"))
        folder = root / f"{split}2017"
        images = sorted(folder.glob("*.jpg"))
        if not images:
            raise ValueError(f"{folder}: no *.jpg images here; is the root correct?")
        if split == "test":
            return [plain_image(p.stem, p) for p in images]
        annotations = root / "annotations"
        listed = annotations / f"panoptic_{split}2017.json"
        entries = read_annotations(listed)
        class_ids = {c.evaluation_id: c.id for c in self.info.classes}
        return [
            RawImage(
                path.stem,
                functools.partial(
                    load_annotated,
                    path,
                    annotation_of(entries, path.stem, path, listed),
                    annotations / f"panoptic_{split}2017",
                    class_ids,
                    self.info,
                    crowd_as_ignore,
                ),
                str(path),
            )
            for path in images
        ]


def annotation_of(
    entries: Mapping[str, Annotation], name: str, image: Path, listed: Path
) -> Annotation:
    """Returns the annotation of an image.

    Raises:
      ValueError: the image has no annotation.
    """
    if name not in entries:
        raise ValueError(f"{image}: {listed} has no annotation of this image")
    return entries[name]


def plain_image(name: str, path: Path) -> RawImage:
    """Returns an image without labels."""
    return RawImage(name, functools.partial(_load_plain, path), str(path))


def _load_plain(path: Path) -> LoadedImage:
    return LoadedImage(path.read_bytes())


def load_annotated(
    path: Path,
    annotation: Annotation,
    label_folder: Path,
    class_ids: Mapping[int, int],
    info: DatasetInfo,
    crowd_as_ignore: bool,
) -> LoadedImage:
    """Reads an image and its panoptic PNG; see `panoptic_label`."""
    label_path = path_inside(label_folder, annotation.file_name, label_folder)
    label = panoptic_label(
        read_segment_ids(label_path),
        annotation.segments,
        class_ids,
        info,
        crowd_as_ignore=crowd_as_ignore,
        path=label_path,
    )
    return LoadedImage(path.read_bytes(), label)
