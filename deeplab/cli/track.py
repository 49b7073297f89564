"""`deeplab track`: the same ids for the same instances in all frames of a video."""

from __future__ import annotations

import argparse
import collections
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from deeplab.predictions.base import StoredMap

HELP = "track instances of panoptic frames by their overlap"

_DIVISOR = 2**16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--format",
        default="kitti_step",
        help="of the frames: kitti_step (default), or another that tells instances "
        "apart, with a folder for each sequence",
    )
    parser.add_argument("--predictions", required=True, help="folder of the frames")
    parser.add_argument("--output", required=True, help="folder of the tracked frames")
    parser.add_argument(
        "--output_format", default="kitti_step", help="of the tracked frames"
    )
    parser.add_argument(
        "--dataset", default="kitti_step", help="data set of the labels"
    )
    parser.add_argument(
        "--flow",
        help="folder of optical flow, <sequence>/<frame>.npy: [height, width, 2], "
        "(dx, dy) in pixels from the frame before",
    )
    parser.add_argument(
        "--min_iou", type=float, default=0.3, help="smallest overlap of a track (0.3)"
    )
    parser.add_argument(
        "--max_frames_unseen",
        type=int,
        default=10,
        help="a track ends when it is not seen for longer (10)",
    )


def run(args: argparse.Namespace) -> int:
    """Tracks every sequence on its own.

    Raises:
      ValueError: the frames or the flow are not as they should be.
    """
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.datasets import DATASETS
    from deeplab.predictions import FORMATS
    from deeplab.predictions.base import LabelMap
    from deeplab.tracking.iou_tracker import IoUTracker

    info = DATASETS.get(args.dataset)().info
    info = dataclasses.replace(info, label_divisor=_DIVISOR)
    frames = FORMATS.get(args.format)().read(Path(args.predictions), info)
    if Path(args.output).resolve() == Path(args.predictions).resolve():
        raise ValueError("--output: choose another folder than that of the frames")
    sink = FORMATS.get(args.output_format)().writer(Path(args.output), info)
    tracker = IoUTracker(
        labels=info.label_space,
        min_iou=args.min_iou,
        max_frames_unseen=args.max_frames_unseen,
    )
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("tracking", total=len(frames))
        for sequence in _sequences(frames).values():
            tracker.reset()
            for name, stored in sequence:
                label = stored.load().panoptic
                flow = _flow(args.flow, name)
                sink.write(name, LabelMap(tracker.update(label, flow)))
                bar.advance(task)
    sink.close()
    print(f"tracked {len(frames)} frames into {args.output}")
    return 0


def _sequences(
    frames: Mapping[str, StoredMap],
) -> dict[str, list[tuple[str, StoredMap]]]:
    groups: dict[str, list[tuple[str, StoredMap]]] = collections.defaultdict(list)
    for name, stored in frames.items():
        groups[stored.sequence or str(Path(name).parent)].append((name, stored))
    return groups


def _flow(folder: str | None, name: str) -> np.ndarray | None:
    """Returns the flow into a frame; the first frames of videos have none."""
    if folder is None:
        return None
    import numpy as np

    path = Path(folder) / f"{name}.npy"
    return np.load(path, allow_pickle=False) if path.exists() else None
