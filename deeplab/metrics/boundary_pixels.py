"""Boundary pixels of the segments in a label map.

Boundary IoU: Improving Object-Centric Image Segmentation Evaluation, B. Cheng,
R. Girshick, P. Dollár, A. C. Berg, A. Kirillov, CVPR 2021,
https://arxiv.org/abs/2103.16562.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

# Width of the boundary relative to the image diagonal, as published.
DILATION_RATIO = 0.02


def boundary_pixels(
    label: np.ndarray, dilation_ratio: float = DILATION_RATIO
) -> np.ndarray:
    """Returns the pixels within a certain distance of the edge of their segment.

    A pixel is on the boundary if the square window around it, which extends by that
    distance to each side, contains another label or reaches beyond the image. The cost
    does not depend on the number of segments or on the distance.

    Args:
      label: [h, w] int32 labels, not negative.
      dilation_ratio: the distance relative to the image diagonal; the distance is at
        least one pixel.

    Returns:
      [h, w] bool.
    """
    distance = max(1, round(dilation_ratio * math.hypot(*label.shape)))
    window = 2 * distance + 1
    highest = ndimage.maximum_filter(label, window, mode="nearest")
    inside = ndimage.minimum_filter(label, window, mode="constant", cval=-1)
    return (inside != label) | (highest != label)
