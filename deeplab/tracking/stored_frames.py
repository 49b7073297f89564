"""Tracking of instances in stored label maps."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from deeplab.predictions.base import LabelMap, Sink, StoredMap
from deeplab.tracking.iou_tracker import IoUTracker


def track_frames(
    frames: Mapping[str, StoredMap],
    tracker: IoUTracker,
    sink: Sink,
    *,
    flow_folder: Path | None = None,
    advance: Callable[[], object] = lambda: None,
) -> None:
    """Tracks the instances of each sequence separately.

    Args:
      frames: name -> map, in temporal order.
      tracker: reset before each sequence.
      sink: receives the tracked maps under the names of the frames; it is not closed.
      flow_folder: contains a file `<name>.npy` for each frame with optical flow,
        `[h, w, 2]`, (dx, dy) in pixels from the previous frame. None for no flow.
      advance: called after each frame.

    Raises:
      ValueError: a map is damaged, or the sizes of a flow and its frame differ.
    """
    for sequence in sequences_of(frames).values():
        tracker.reset()
        for name, stored in sequence:
            flow = None if flow_folder is None else read_flow(flow_folder, name)
            tracked = tracker.update(stored.load().panoptic, flow)
            sink.write(name, LabelMap(tracked))
            advance()


def sequences_of(
    frames: Mapping[str, StoredMap],
) -> dict[str, list[tuple[str, StoredMap]]]:
    """Returns sequence -> (name, map) of its frames.

    Frames that do not name their sequence are grouped by folder.
    """
    groups: dict[str, list[tuple[str, StoredMap]]] = collections.defaultdict(list)
    for name, stored in frames.items():
        groups[stored.sequence or str(Path(name).parent)].append((name, stored))
    return dict(groups)


def read_flow(folder: Path, name: str) -> np.ndarray | None:
    """Returns the flow from the previous frame; None if there is no file."""
    path = folder / f"{name}.npy"
    return np.load(path, allow_pickle=False) if path.exists() else None
