"""`deeplab predict`: runs an exported model on any images."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.inference.predictor import Predictor
    from deeplab.predictions.format_writer import FormatWriter
    from deeplab.visualization.overview_writer import OverviewWriter

HELP = "run an exported model on images: writes overlays, label maps, segments"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--model", type=Path, required=True, help="folder written by `deeplab export`"
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", required=True, help="image files and folders"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    parser.add_argument(
        "--format",
        help="write the format of an evaluation server instead, such as coco_panoptic "
        "or cityscapes_instances; g3doc/predictions.md lists all",
    )
    parser.add_argument(
        "--zip", action="store_true", help="also pack the output folder into OUTPUT.zip"
    )


def run(args: argparse.Namespace) -> int:
    """Writes NAME_overlay.png, NAME_panoptic.png and NAME.json for each image.

    With `--format`, writes files of that format instead. Video models take the images
    of each folder as the frames of a video.

    Returns:
      0, or 1 if some images could not be read; these are listed and skipped.

    Raises:
      ValueError: the model or the images do not exist.
      OSError: a file cannot be written.
    """
    from deeplab.predictions.image_files import find_images

    images = find_images(args.images, args.output)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from rich.console import Console

    from deeplab.inference.exported import load

    console = Console(stderr=True)
    with console.status(f"loading {args.model}"):
        predictor = load(args.model)
    writer = _writer(args, predictor.info)
    bad = 0
    if predictor.takes_video:
        _predict_videos(predictor, images, writer, console)
    else:
        bad = _predict_images(predictor, images, writer, console)
    writer.close()
    if args.zip:
        from deeplab.predictions.archive import write_zip

        archive = args.output.with_name(f"{args.output.name}.zip")
        write_zip(args.output, archive)
        print(f"{archive}: packed")
    return int(bad > 0)


def _writer(
    args: argparse.Namespace, info: DatasetInfo
) -> OverviewWriter | FormatWriter:
    if not args.format:
        from deeplab.visualization.overview_writer import OverviewWriter

        return OverviewWriter(args.output, info)
    from deeplab.predictions import FORMATS
    from deeplab.predictions.format_writer import FormatWriter

    return FormatWriter(args.output, info, FORMATS.get(args.format)())


def _predict_images(
    predictor: Predictor,
    images: Mapping[Path, str],
    writer: OverviewWriter | FormatWriter,
    console: Console,
) -> int:
    """Predicts images one by one; returns how many could not be read."""
    from rich.progress import Progress

    from deeplab.inference.read_image import read_image

    bad = 0
    with Progress(console=console) as progress:
        for path, name in progress.track(images.items(), description="predicting"):
            try:
                image = read_image(path)
            except (ValueError, OSError) as error:
                bad += 1
                progress.print(f"skipped: {error}", markup=False)
                continue
            writer.write(name, path, image, predictor(image))
    print(f"{writer.folder}: {len(images) - bad} images predicted")
    if bad:
        print(f"{bad} images could not be read, see above", file=sys.stderr)
    return bad


def _predict_videos(
    predictor: Predictor,
    images: Mapping[Path, str],
    writer: OverviewWriter | FormatWriter,
    console: Console,
) -> None:
    from rich.progress import Progress

    from deeplab.inference.read_image import read_image
    from deeplab.predictions.image_files import videos_of

    videos = videos_of(images)
    with Progress(console=console) as progress:
        task = progress.add_task("predicting", total=len(images))
        for frames in videos:
            predictions = predictor.video(frames)
            for path, prediction in zip(frames, predictions, strict=True):
                writer.write(images[path], path, read_image(path), prediction)
                progress.advance(task)
    print(f"{writer.folder}: {len(images)} frames of {len(videos)} videos predicted")
