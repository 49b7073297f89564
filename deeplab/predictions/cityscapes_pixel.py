"""Cityscapes' pixel-level format: grey PNGs of label ids, one per image.

M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR
2016, https://arxiv.org/abs/1604.01685; as `cityscapesScripts` reads it: a file's name
begins with <city>_<sequence>_<frame>, and ids that are not evaluated count as void.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from deeplab.core.dataset_info import DatasetInfo
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap, StoredMap, class_ids, files_below
from deeplab.predictions.semantic_png import (
    SemanticPng,
    SemanticSink,
    read_semantic,
)

MAX_LABEL_ID = 33
# License plates have id -1, which is stored as 255.
_UNSIGNED_PLATE = 255


@FORMATS.register("cityscapes_pixel")
class CityscapesPixel(SemanticPng):
    """Class maps with Cityscapes' label ids."""

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; names are <city>_<sequence>_<frame>."""
        check_label_ids(info)
        return super().read(path, info)

    def writer(self, path: Path, info: DatasetInfo) -> SemanticSink:
        """See `Format.writer`; all files are in one folder."""
        check_label_ids(info)
        return super().writer(path, info)

    def refusals(self, path: Path) -> Iterator[tuple[str, str]]:
        """See `Format.refusals`: more than 8 bits, and 255, which is not a label id."""
        yield from super().refusals(path)
        for file in files_below(path, ".png"):
            if (read_semantic(file) == _UNSIGNED_PLATE).any():
                yield (
                    str(file),
                    f"id {_UNSIGNED_PLATE}, which is not a label id; void is 0",
                )

    def _load(self, path: Path, info: DatasetInfo) -> LabelMap:
        ids = read_semantic(path)
        evaluated = [c.evaluation_id for c in info.classes]
        known = (ids <= MAX_LABEL_ID) | (ids == _UNSIGNED_PLATE)
        ids = np.where(known & ~np.isin(ids, evaluated), 0, ids)
        classes = class_ids(ids, info, path)
        return LabelMap(info.label_space.encode(classes, 0).astype(np.int32))


def check_label_ids(info: DatasetInfo) -> None:
    """Rejects data sets whose evaluation ids are not Cityscapes' label ids.

    Raises:
      ValueError: an id is outside 1 to 33.
    """
    other = [
        c.evaluation_id for c in info.classes if not 0 < c.evaluation_id <= MAX_LABEL_ID
    ]
    if other:
        raise ValueError(
            f"data set {info.name!r} has the evaluation ids {other[:3]} ..., but "
            f"Cityscapes' label ids are 1 to {MAX_LABEL_ID}: choose another format"
        )
