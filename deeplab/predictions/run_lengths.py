"""Segments of a label map as runs of pixels in column-major order, as in COCO."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from faster_coco_eval import mask


class SegmentRuns(NamedTuple):
    """The pixels of one label."""

    label: int
    # [n] int64, first pixel in column-major order and length of each run.
    starts: np.ndarray
    lengths: np.ndarray


def segments(label_map: np.ndarray) -> list[SegmentRuns]:
    """Returns the segments of an `[h, w]` label map, by ascending label."""
    flat = np.ravel(label_map, order="F")
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size)
    values = flat[starts]
    order = np.argsort(values, kind="stable")
    found, first = np.unique(values[order], return_index=True)
    return [
        SegmentRuns(int(label), starts[runs], lengths[runs])
        for label, runs in zip(found, np.split(order, first[1:]), strict=True)
    ]


def compress(segment: SegmentRuns, height: int, width: int) -> bytes:
    """Returns a segment as compressed run lengths of the COCO tools."""
    ends = np.concatenate([[0], segment.starts + segment.lengths])
    counts = np.empty(2 * len(segment.starts) + 1, np.int64)
    counts[0:-1:2] = segment.starts - ends[:-1]
    counts[1::2] = segment.lengths
    counts[-1] = height * width - ends[-1]
    if not counts[-1]:
        counts = counts[:-1]
    size = [height, width]
    uncompressed = {"size": size, "counts": counts.tolist()}
    return mask.frPyObjects([uncompressed], height, width)[0]["counts"]
