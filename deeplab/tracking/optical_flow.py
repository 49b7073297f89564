"""Warping of instances along optical flow to the previous frame."""

from __future__ import annotations

import numpy as np


def warped_pixels(
    index: np.ndarray, flow: np.ndarray, occluded: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pixels of the previous frame that instances of this frame cover.

    A pixel belongs to every instance that bilinear interpolation would sample at the
    position to which its flow points, so that it may belong to several.

    Args:
      index: [h, w] integers, instance of each pixel in this frame; below 0 for none.
      flow: [h, w, 2] float, (dx, dy) in pixels from the previous frame to this one.
      occluded: [h, w], not 0 where a pixel of the previous frame is occluded in this
        one.

    Returns:
      Flat indices of pixels, and the instance that covers each: [n] int64 each, without
      duplicates.

    Raises:
      ValueError: the maps differ in size.
    """
    height, width = index.shape
    if flow.shape != (height, width, 2):
        raise ValueError(
            f"optical flow of shape {list(flow.shape)} does not fit labels of {height} "
            f"x {width} pixels"
        )
    x = np.arange(width) + flow[..., 0]
    y = np.arange(height)[:, np.newaxis] + flow[..., 1]
    seen = np.ones(index.shape, bool) if occluded is None else ~occluded.astype(bool)
    left, top = np.floor(x), np.floor(y)
    found = []
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        # A neighbour at distance 1 has no weight.
        column, row = left + dx, top + dy
        where = seen & (np.abs(column - x) < 1) & (np.abs(row - y) < 1)
        where &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
        pixel = np.flatnonzero(where)
        source = row.ravel()[pixel] * width + column.ravel()[pixel]
        instance = index.ravel()[source.astype(np.int64)].astype(np.int64)
        found.append(np.stack([pixel, instance])[:, instance >= 0])
    pixel, instance = np.unique(np.concatenate(found, axis=1), axis=1)
    return pixel, instance
