"""`deeplab convert`: converts the raw folder of a data set to TFRecords."""

from __future__ import annotations

import argparse
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deeplab.data.shards import Runner

HELP = "convert a data set to TFRecords"

# Images per file without --shards.
_IMAGES_PER_SHARD = 100
_LOCAL = "local"
_OPTIONS = ("description", "images", "seed", "height", "width", "frames", "two_frames")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("name", help="data set, such as coco_panoptic or toy_street")
    parser.add_argument("--root", type=Path, help="folder of the raw data")
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    parser.add_argument(
        "--split",
        nargs="+",
        default=["train"],
        help="splits to convert (default: train)",
    )
    parser.add_argument(
        "--shards",
        type=int,
        help=f"files per split (default: one per {_IMAGES_PER_SHARD} images)",
    )
    parser.add_argument(
        "--workers", type=int, help="worker processes (default: all cores)"
    )
    parser.add_argument(
        "--runner",
        default=_LOCAL,
        help=f"{_LOCAL} (default), or an Apache Beam runner such as DirectRunner or "
        "FlinkRunner",
    )
    parser.add_argument(
        "--runner_options",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="options of the Beam pipeline, such as parallelism=8",
    )
    parser.add_argument(
        "--crowd_as_ignore",
        action="store_true",
        help="give crowd regions the ignore label, as the published records do",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace existing records"
    )
    _add_own_options(parser)


def _add_own_options(parser: argparse.ArgumentParser) -> None:
    own = parser.add_argument_group("options of particular data sets")
    own.add_argument(
        "--description",
        type=Path,
        help="folder: JSON description of the classes (default: ROOT/description.json)",
    )
    own.add_argument(
        "--images", type=int, help="toy_street*: images per split (default: 500)"
    )
    own.add_argument(
        "--seed", type=int, help="toy_street*: seed of the scenes (default: 0)"
    )
    own.add_argument(
        "--height", type=int, help="toy_street*: image height in pixels (default: 129)"
    )
    own.add_argument(
        "--width", type=int, help="toy_street*: image width in pixels (default: 257)"
    )
    own.add_argument(
        "--two_frames",
        action="store_true",
        default=None,
        help="kitti_step, motchallenge_step: store the previous frame with each frame",
    )
    own.add_argument(
        "--frames", type=int, help="toy_street_video: frames per video (default: 8)"
    )


def run(args: argparse.Namespace) -> int:
    """Converts; run again after an interruption, it writes only what is missing.

    Raises:
      ValueError: an option or the raw data are invalid.
      OSError: a file cannot be read or written.
    """
    from deeplab.datasets import DATASETS
    from deeplab.datasets.options import dataset_options

    given = {name: getattr(args, name) for name in _OPTIONS}
    options = dataset_options(args.name, given, args.root)
    dataset = DATASETS.get(args.name)(**options)
    root = args.root or Path()
    sources = {
        split: dataset.read(root, split, crowd_as_ignore=args.crowd_as_ignore)
        for split in args.split
    }
    # TensorFlow is imported only after everything else was checked.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from deeplab.data.shards import write_shards

    runner = _runner(args)
    for split, images in sources.items():
        started = time.monotonic()
        written = write_shards(
            images,
            args.output,
            split=split,
            num_shards=args.shards or -(-len(images) // _IMAGES_PER_SHARD),
            workers=args.workers or os.cpu_count() or 1,
            settings={
                "dataset": args.name,
                "root": str(root.resolve()) if args.root else "",
                "split": split,
                "crowd_as_ignore": args.crowd_as_ignore,
                **{key: str(value) for key, value in options.items()},
            },
            overwrite=args.overwrite,
            runner=runner,
        )
        if written.kept:
            print(f"{split}: kept {written.kept} shards of an earlier run")
        print(
            f"{split}: {written.records} records in {len(written.shards)} files in "
            f"{args.output}, {time.monotonic() - started:.1f} s"
        )
    if "description" in options:
        shutil.copyfile(options["description"], args.output / "description.json")
    return 0


def _runner(args: argparse.Namespace) -> Runner | None:
    """Returns the Beam runner that writes the shards; None to write them here.

    Raises:
      ValueError: the runner is unknown or not installed, or does not take an option.
    """
    if args.runner == _LOCAL:
        if args.runner_options:
            raise ValueError(
                "--runner_options applies only to Beam runners: give --runner"
            )
        return None
    if args.workers is not None:
        raise ValueError(
            f"--workers applies only to --runner {_LOCAL}; Beam has --runner_options"
        )
    from deeplab.data.beam_runner import BeamRunner

    return BeamRunner(args.runner, args.runner_options)
