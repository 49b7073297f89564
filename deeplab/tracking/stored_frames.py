"""Tracking instances of frames that are stored as label maps."""

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
    """Gives the instances of every sequence their tracks, each on its own.

    Args:
      frames: name -> map, in the order of time.
      tracker: starts anew with each sequence.
      sink: takes the tracked maps, by the names of the frames; stays open.
      flow_folder: holds `<name>.npy` for frames that have a flow into them,
        `[h, w, 2]`, (dx, dy) in pixels from the frame before. No flow when None.
      advance: called after each frame.

    Raises:
      ValueError: a map is damaged, or a flow has another size than its frame.
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
    """Returns sequence -> its frames by name; a folder is one if none is named."""
    groups: dict[str, list[tuple[str, StoredMap]]] = collections.defaultdict(list)
    for name, stored in frames.items():
        groups[stored.sequence or str(Path(name).parent)].append((name, stored))
    return dict(groups)


def read_flow(folder: Path, name: str) -> np.ndarray | None:
    """Returns the flow into a frame; None for the first frames of videos."""
    path = folder / f"{name}.npy"
    return np.load(path, allow_pickle=False) if path.exists() else None
