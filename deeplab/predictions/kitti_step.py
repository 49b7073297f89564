"""KITTI-STEP: three-channel PNGs `<sequence>/<frame>.png`.

STEP: Segmenting and Tracking Every Pixel, M. Weber et al., NeurIPS 2021,
https://arxiv.org/abs/2102.11859: red is the class, 256 * green + blue the track.
"""

from __future__ import annotations

from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo
from deeplab.predictions import FORMATS
from deeplab.predictions.base import StoredMap
from deeplab.predictions.channels import LAYOUTS, ChannelFormat


class KittiStep(ChannelFormat):
    """One folder per sequence, one PNG per frame."""

    is_video = True
    metrics = ("panoptic_quality", "mean_iou", "stq")

    def __init__(self):
        super().__init__(LAYOUTS["three_channel_png"])

    def called(self, name: str) -> str:
        """See `Format.called`.

        Raises:
          ValueError: the name does not include a sequence.
        """
        if Path(name).parent == Path("."):
            raise ValueError(f"{name!r}: a frame has to be named <sequence>/<frame>")
        return name

    def _stored(self, file: Path, root: Path, info: DatasetInfo) -> StoredMap:
        sequence = file.relative_to(root).parent
        if sequence == Path("."):
            raise ValueError(
                f"{file}: frames have to be in a folder per sequence, as in "
                "0002/000000.png"
            )
        return super()._stored(file, root, info)._replace(sequence=str(sequence))


@FORMATS.register("kitti_step")
def build_kitti_step() -> KittiStep:
    """Returns KITTI-STEP's format."""
    return KittiStep()
