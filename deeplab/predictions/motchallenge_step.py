"""MOTChallenge-STEP: the files of KITTI-STEP, with ids and folders of its own.

STEP: Segmenting and Tracking Every Pixel, M. Weber et al., NeurIPS 2021,
https://arxiv.org/abs/2102.11859. Images of MOTChallenge lie in <sequence>/img1, which
predictions leave out; class ids are 0 to 6, and 255 for void.
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
    """One folder for each sequence, one PNG for each frame."""

    def writer(self, path: Path, info: DatasetInfo) -> ChannelSink:
        """See `Format.writer`."""
        largest = max(c.evaluation_id for c in info.classes)
        if largest >= _CLASSES:
            raise ValueError(
                f"data set {info.name!r} has evaluation id {largest}; those of "
                f"motchallenge_step are 0 to {_CLASSES - 1}"
            )
        return super().writer(path, info)

    def called(self, name: str) -> str:
        """See `Format.called`."""
        path = Path(name)
        if path.parent.name == _IMAGES:
            path = path.parents[1] / path.name
        return super().called(path.as_posix())
