"""Offsets as colours: hue shows the direction, saturation the length.

This is the colour wheel of S. Baker, D. Scharstein, J. P. Lewis, S. Roth, M. J. Black,
R. Szeliski, "A Database and Evaluation Methodology for Optical Flow", IJCV 2011, with
uniform hues instead of its table.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def offset_colors(
    offsets: np.ndarray,
    mask: np.ndarray | None = None,
    longest: float | None = None,
) -> np.ndarray:
    """Colours offsets, from white for zero to full saturation for the longest.

    Args:
      offsets: `[h, w, 2]` float, (dy, dx).
      mask: `[h, w]` bool, pixels to colour; the rest is black. None colours all.
      longest: length with full saturation; None uses the maximum inside the mask.

    Returns:
      `[h, w, 3]` uint8 RGB.
    """
    inside = np.ones(offsets.shape[:2], bool) if mask is None else mask
    length = np.hypot(offsets[..., 0], offsets[..., 1])
    if longest is None:
        longest = float(length[inside].max()) if inside.any() else 0.0
    turn = np.arctan2(offsets[..., 0], offsets[..., 1]) / (2 * np.pi) % 1.0
    saturation = np.clip(length / max(longest, 1e-6), 0, 1)
    channels = [
        np.rint(255 * turn) % 256,
        np.rint(255 * saturation),
        np.where(inside, 255, 0),
    ]
    hsv = np.stack(channels, -1).astype(np.uint8)
    return np.asarray(
        Image.frombytes("HSV", hsv.shape[1::-1], hsv.tobytes()).convert("RGB")
    )


def color_wheel(size: int) -> np.ndarray:
    """Returns the legend of the colours, `[size, size, 3]`: offsets from the centre."""
    axis = np.linspace(-1, 1, size)
    offsets = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    return offset_colors(offsets, np.hypot(offsets[..., 0], offsets[..., 1]) <= 1, 1.0)
