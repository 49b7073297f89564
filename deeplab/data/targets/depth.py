"""Target of the depth branch: metres, as they are measured.

Siyuan Qiao et al., "ViP-DeepLab: Learning Visual Perception with Depth-aware Video
Panoptic Segmentation", CVPR 2021 (https://arxiv.org/abs/2012.05258).
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, TargetOptions


@TARGETS.register("depth")
def depth_targets(frames: Frames, options: TargetOptions) -> dict[str, tf.Tensor]:
    """Returns what the depth loss compares with.

    Args:
      frames: with the depth of the current one.
      options: has no effect here.

    Returns:
      `depth_gt` `[h, w]` float32, metres; the data set's `ignore_depth` where unknown
      and beyond the image.

    Raises:
      ValueError: there is no depth.
    """
    del options
    if frames.depth is None:
        raise ValueError("depth targets need the depth of the frame")
    return {"depth_gt": frames.depth}
