"""`deeplab track`: links instances across the frames of a video."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "track instances across panoptic frames by their overlap"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--format",
        default="kitti_step",
        help="format of the frames: kitti_step (default), or any other with instance "
        "ids and a folder per sequence",
    )
    parser.add_argument(
        "--predictions", required=True, help="folder of the predicted frames"
    )
    parser.add_argument(
        "--output", required=True, help="folder to write the tracked frames into"
    )
    parser.add_argument(
        "--output_format",
        default="kitti_step",
        help="format of the tracked frames (default: kitti_step)",
    )
    parser.add_argument(
        "--dataset",
        default="kitti_step",
        help="data set of the labels (default: kitti_step)",
    )
    parser.add_argument(
        "--flow",
        help="folder of optical flow, <sequence>/<frame>.npy: [height, width, 2], "
        "(dx, dy) in pixels from the previous frame",
    )
    parser.add_argument(
        "--min_iou",
        type=float,
        default=0.3,
        help="smallest IoU that continues a track (default: 0.3)",
    )
    parser.add_argument(
        "--max_frames_unseen",
        type=int,
        default=10,
        help="frames that a track survives without a match (default: 10)",
    )


def run(args: argparse.Namespace) -> int:
    """Tracks each sequence independently.

    Raises:
      ValueError: the frames or the flow are invalid.
    """
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.datasets import DATASETS
    from deeplab.predictions import FORMATS
    from deeplab.predictions.wide_labels import with_wide_labels
    from deeplab.tracking.iou_tracker import IoUTracker
    from deeplab.tracking.stored_frames import track_frames

    info = with_wide_labels(DATASETS.get(args.dataset)().info)
    frames = FORMATS.get(args.format)().read(Path(args.predictions), info)
    if Path(args.output).resolve() == Path(args.predictions).resolve():
        raise ValueError("--output: choose another folder than that of --predictions")
    sink = FORMATS.get(args.output_format)().writer(Path(args.output), info)
    tracker = IoUTracker(
        labels=info.label_space,
        min_iou=args.min_iou,
        max_frames_unseen=args.max_frames_unseen,
    )
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("tracking", total=len(frames))
        track_frames(
            frames,
            tracker,
            sink,
            flow_folder=Path(args.flow) if args.flow else None,
            advance=lambda: bar.advance(task),
        )
    sink.close()
    print(f"tracked {len(frames)} frames into {args.output}")
    return 0
