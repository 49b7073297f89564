"""MOTChallenge-STEP: the files of KITTI-STEP, with other ids and folders.

STEP: Segmenting and Tracking Every Pixel, M. Weber et al., NeurIPS 2021,
https://arxiv.org/abs/2102.11859. Images are in <sequence>/img1, predictions directly in
<sequence>; class ids are 0 to 6, and 255 for void.
"""

from __future__ import annotations

from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo
from deeplab.predictions import FORMATS
from deeplab.predictions.channels import ChannelSink
from deeplab.predictions.kitti_step import KittiStep

_IMAGES = "img1"
_CLASSES = 7


@FORMATS.register("motchallenge_step")
class MotChallengeStep(KittiStep):
    """One folder per sequence, one PNG per frame."""

    def writer(self, path: Path, info: DatasetInfo) -> ChannelSink:
        """See `Format.writer`."""
        largest = max(c.evaluation_id for c in info.classes)
        if largest >= _CLASSES:
            raise ValueError(
                f"data set {info.name!r} has evaluation id {largest}, but "
                f"motchallenge_step has 0 to {_CLASSES - 1}: choose another format"
            )
        return super().writer(path, info)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        path = Path(name)
        if path.parent.name == _IMAGES:
            path = path.parents[1] / path.name
        return super().called(path.as_posix())
