"""Which pixels of a label map lie on the boundary of their segment.

Boundary IoU: Improving Object-Centric Image Segmentation Evaluation, B. Cheng,
R. Girshick, P. Dollár, A. C. Berg, A. Kirillov, CVPR 2021,
https://arxiv.org/abs/2103.16562.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

# Width of a boundary as a share of the image's diagonal, as published.
DILATION_RATIO = 0.02


def boundary_pixels(
    label: np.ndarray, dilation_ratio: float = DILATION_RATIO
) -> np.ndarray:
    """Returns where a segment ends within a certain distance.

    A pixel lies on the boundary if the square window around it, of that distance to
    each side, holds another label or reaches beyond the image. The cost grows neither
    with the number of segments nor with the distance.

    Args:
      label: [h, w] int32 labels, none of them negative.
      dilation_ratio: the distance as a share of the image's diagonal; at least one
        pixel.

    Returns:
      [h, w] bool.
    """
    distance = max(1, round(dilation_ratio * math.hypot(*label.shape)))
    window = 2 * distance + 1
    highest = ndimage.maximum_filter(label, window, mode="nearest")
    inside = ndimage.minimum_filter(label, window, mode="constant", cval=-1)
    return (inside != label) | (highest != label)
