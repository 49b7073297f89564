"""Target of the depth branch: measured depth in metres.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021 (https://arxiv.org/abs/2012.05258).
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, TargetOptions


@TARGETS.register("depth")
def depth_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns the ground truth of the depth loss.

    Args:
      frames: frames with the depth of the current one.
      options: not used.

    Returns:
      `depth_gt` `[h, w]` float32, metres; the data set's `ignore_depth` where depth is
      unknown and outside the image.

    Raises:
      ValueError: the frames have no depth.
    """
    del options
    if frames.depth is None:
        raise ValueError("depth targets need the depth of the frame")
    return {"depth_gt": frames.depth}
