"""ADE20K panoptic: scenes in 150 classes, of which 100 are things.

Bolei Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017
(https://groups.csail.mit.edu/vision/datasets/ADE20K/). Files of the 2016
challenge, with the panoptic files that Mask2Former's `prepare_ade20k_pan_seg.py` makes
from them, as for the published converter:

  images/{training,validation}/*.jpg
  ade20k_panoptic_{train,val}.json
  ade20k_panoptic_{train,val}/*.png
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

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
from deeplab.datasets.coco import annotation_of
from deeplab.datasets.index_png import found_images
from deeplab.datasets.panoptic_png import (
    Annotation,
    panoptic_label,
    read_annotations,
    read_segment_ids,
)
from deeplab.datasets.runs import areas, find_runs

_FOLDERS = {"train": "training", "val": "validation"}
_VOID_CATEGORY = 255


@DATASETS.register("ade20k_panoptic")
class Ade20kPanoptic(Dataset):
    """ADE20K panoptic; class 0 is void, evaluation ids are the JSON's categories."""

    def __init__(self):
        super().__init__(
            table_info(
                "ade20k_panoptic",
                table="ade20k_panoptic",
                ignore_label=0,
                label_divisor=1000,
                splits={"train": 20210, "val": 2000},
            )
        )

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`."""
        check_split(self.info, split, tuple(_FOLDERS))
        images = found_images(root / "images" / _FOLDERS[split], "*.jpg")
        listed = root / f"ade20k_panoptic_{split}.json"
        entries = read_annotations(listed)
        return [
            RawImage(
                path.stem,
                functools.partial(
                    _load,
                    path,
                    annotation_of(entries, path.stem, path, listed),
                    listed.with_suffix(""),
                    self.info,
                    crowd_as_ignore,
                ),
                str(path),
            )
            for path in images
        ]


def _load(
    path: Path,
    annotation: Annotation,
    label_folder: Path,
    info: DatasetInfo,
    crowd_as_ignore: bool,
) -> LoadedImage:
    label_path = path_inside(label_folder, annotation.file_name, label_folder)
    ids = read_segment_ids(label_path)
    categories = {int(s["id"]): int(s["category_id"]) for s in annotation.segments}
    void = [i for i, category in categories.items() if category == _VOID_CATEGORY]
    if void:
        ids[np.isin(ids, void)] = 0
    found, pixels, _ = areas(find_runs(ids))
    area = dict(zip(found.tolist(), pixels.tolist(), strict=True))
    # The script draws things over stuff after it has measured the areas of stuff.
    # Segments that are fully hidden still count, as in published records.
    segments = [
        {**s, "area": area.get(int(s["id"]), 0)}
        for s in annotation.segments
        if int(s["id"]) not in void
    ]
    label = panoptic_label(
        ids,
        segments,
        {c.evaluation_id: c.id for c in info.classes},
        info,
        crowd_as_ignore=crowd_as_ignore,
        path=label_path,
    )
    return LoadedImage(path.read_bytes(), label)
