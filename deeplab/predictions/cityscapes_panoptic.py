"""Cityscapes' panoptic format: COCO's format with Cityscapes' names and label ids.

M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR
2016, https://arxiv.org/abs/1604.01685; as `cityscapesScripts` reads it: an image id is
<city>_<sequence>_<frame>.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap, StoredMap
from deeplab.predictions.cityscapes_pixel import check_label_ids
from deeplab.predictions.coco_panoptic import CocoPanopticFormat, CocoSink
from deeplab.predictions.semantic_png import image_name


@FORMATS.register("cityscapes_panoptic")
class CityscapesPanopticFormat(CocoPanopticFormat):
    """Segments with an id and a label id."""

    def read(self, path: Path, info: DatasetInfo) -> Mapping[str, StoredMap]:
        """See `Format.read`; `path` is the JSON."""
        check_label_ids(info)
        found: dict[str, StoredMap] = {}
        for name, stored in super().read(path, info).items():
            short = image_name(Path(name))
            if short in found:
                raise ValueError(f"{path}: {short!r} is listed twice")
            found[short] = stored
        return found

    def writer(self, path: Path, info: DatasetInfo) -> CocoSink:
        """See `Format.writer`; `path` is the JSON."""
        check_label_ids(info)
        return CityscapesPanopticSink(path, info)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        return image_name(Path(name))


class CityscapesPanopticSink(CocoSink):
    """Writes each PNG immediately, and the JSON at the end."""

    def write(self, name: str, label_map: LabelMap) -> None:
        """See `Sink.write`."""
        super().write(image_name(Path(name)), label_map)
