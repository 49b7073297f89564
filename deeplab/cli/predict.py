"""`deeplab predict`: pictures and segments of any images, with an exported model."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.core.structures import Prediction
    from deeplab.inference.predictor import Predictor
    from deeplab.predictions.base import Format
    from deeplab.visualization.segments import Segment

HELP = "predict images with an exported model: pictures, label maps, segments"

_SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--model", type=Path, required=True, help="folder that `deeplab export` wrote"
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", required=True, help="files and folders"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    parser.add_argument(
        "--format",
        help="write the files of an evaluation server instead, such as coco_panoptic "
        "or cityscapes_instances; g3doc/predictions.md lists all",
    )
    parser.add_argument(
        "--zip", action="store_true", help="pack the folder into OUTPUT.zip, too"
    )


def run(args: argparse.Namespace) -> int:
    """Predicts; writes NAME_overlay.png, NAME_panoptic.png and NAME.json per image.

    With `--format` it writes the files of that format. With a video model, the images
    of each folder are the frames of a video.

    Returns:
      0, or 1 if images could not be read: they are named, the others done.

    Raises:
      ValueError: there is no model or no image.
      OSError: a file cannot be written.
    """
    images = find_images(args.images, args.output)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from rich.console import Console

    from deeplab.inference.exported import load

    console = Console(stderr=True)
    with console.status(f"loading {args.model}"):
        predictor = load(args.model)
    results = _results(args, predictor.info)
    if predictor.takes_video:
        bad = _predict_videos(predictor, images, results, console)
    else:
        bad = _predict_images(predictor, images, results, console)
    results.close()
    if args.zip:
        from deeplab.predictions.archive import write_zip

        archive = args.output.with_name(f"{args.output.name}.zip")
        write_zip(args.output, archive)
        print(f"{archive}: packed")
    return int(bad > 0)


def _results(args: argparse.Namespace, info: DatasetInfo) -> Results:
    if not args.format:
        return Pictures(args.output, info)
    from deeplab.predictions import FORMATS

    return Files(args.output, info, FORMATS.get(args.format)())


def _predict_images(
    predictor: Predictor,
    images: Mapping[Path, str],
    results: Results,
    console: Console,
) -> int:
    """Predicts images one by one.

    Returns:
      How many could not be read; they are named.
    """
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
            results.write(name, path, image, predictor(image))
    print(f"{results.folder}: {len(images) - bad} images predicted")
    if bad:
        print(f"{bad} images could not be read, see above", file=sys.stderr)
    return bad


def _predict_videos(
    predictor: Predictor,
    images: Mapping[Path, str],
    results: Results,
    console: Console,
) -> int:
    """Predicts videos: the images of each folder are one, in the order of their names.

    Returns:
      0.

    Raises:
      ValueError: there is but one image, or one cannot be read.
      OSError: a file cannot be read or written.
    """
    from rich.progress import Progress

    from deeplab.inference.read_image import read_image

    if len(images) == 1:
        raise ValueError(
            f"{next(iter(images))} is a single image, and this model predicts videos: "
            "give the folder of its frames, named in their order"
        )
    videos: dict[Path, list[Path]] = {}
    for path in sorted(images):
        videos.setdefault(path.parent, []).append(path)
    with Progress(console=console) as progress:
        task = progress.add_task("predicting", total=len(images))
        for frames in videos.values():
            predictions = predictor.video(frames)
            for path, prediction in zip(frames, predictions, strict=True):
                results.write(images[path], path, read_image(path), prediction)
                progress.advance(task)
    print(f"{results.folder}: {len(images)} frames of {len(videos)} videos predicted")
    return 0


class Results(Protocol):
    """Takes the predictions of all images.

    Attributes:
      folder: where they go.
    """

    folder: Path

    def write(
        self, name: str, source: Path, image: np.ndarray, prediction: Prediction
    ) -> None:
        """Takes an image, `[h, w, 3]` uint8, and what was predicted for it."""
        ...

    def close(self) -> None:
        """Completes what is written."""
        ...


class Pictures:
    """Pictures and segments to look at."""

    def __init__(self, folder: Path, info: DatasetInfo):
        """Writes into `folder`."""
        self.folder = folder
        self._info = info

    def write(
        self, name: str, source: Path, image: np.ndarray, prediction: Prediction
    ) -> None:
        """See `write_prediction`."""
        write_prediction(self.folder / name, source, image, prediction, self._info)

    def close(self) -> None:
        """Every file is complete already."""


class Files:
    """Files of a format of predictions."""

    def __init__(self, folder: Path, info: DatasetInfo, layout: Format):
        """Writes into `folder`."""
        self.folder = folder
        self._info = info
        self._layout = layout
        self._sink = layout.writer(folder / layout.index, info)

    def write(
        self, name: str, source: Path, image: np.ndarray, prediction: Prediction
    ) -> None:
        """Writes the labels.

        Raises:
          ValueError: the model does not predict what the format holds.
        """
        del source, image
        from deeplab.predictions.from_model import label_map_of

        if prediction.panoptic_pred is None and self._layout.has_instances:
            raise ValueError(
                "the model does not serve panoptic_pred, and the format has instances: "
                "choose one of classes alone, such as semantic_png"
            )
        self._sink.write(name, label_map_of(prediction, self._info))

    def close(self) -> None:
        """Completes what is written."""
        self._sink.close()


def find_images(places: Sequence[Path], output: Path) -> dict[Path, str]:
    """Returns the image files of files and folders, and the name of their results.

    A result is named after its image, in the same folder below a given one; with its
    suffix where two images differ in nothing else. What lies in `output` is left out.

    Raises:
      ValueError: a place does not exist, a folder holds no image, or two images have
        the same name.
    """
    names: dict[Path, Path] = {}
    for place in places:
        if place.is_file():
            names[place] = Path(place.name)
            continue
        if not place.is_dir():
            raise ValueError(f"{place}: no such file or folder")
        found = [
            path
            for path in sorted(place.rglob("*"))
            if path.suffix.lower() in _SUFFIXES and _is_image_of(path, output)
        ]
        if not found:
            raise ValueError(f"{place} holds no image ({', '.join(sorted(_SUFFIXES))})")
        names.update({path: path.relative_to(place) for path in found})
    stems = Counter(name.with_suffix("") for name in names.values())
    results = {
        path: str(name.with_suffix("") if stems[name.with_suffix("")] == 1 else name)
        for path, name in names.items()
    }
    twice = [name for name, count in Counter(results.values()).items() if count > 1]
    if twice:
        sources = [str(path) for path, name in results.items() if name == twice[0]]
        raise ValueError(
            f"{' and '.join(sources)} would both become {twice[0]}: predict them into "
            "different folders"
        )
    return results


def write_prediction(
    base: Path,
    source: Path,
    image: np.ndarray,
    prediction: Prediction,
    info: DatasetInfo,
) -> None:
    """Writes what was predicted for an image.

    Args:
      base: path of the results, without suffix.
      source: where the image came from.
      image: `[h, w, 3]` uint8.
      prediction: NumPy fields of that size, without batch dimension.
      info: what the labels mean.

    Raises:
      ValueError: the model was exported without classes.
      OSError: a file cannot be written.
    """
    from deeplab.core import labels
    from deeplab.visualization.overlay import panoptic_overlay, semantic_overlay
    from deeplab.visualization.pictures import write_png
    from deeplab.visualization.segments import find_segments

    panoptic = prediction.panoptic_pred
    if panoptic is not None:
        overlay = panoptic_overlay(image, panoptic, info)
    elif prediction.semantic_pred is not None:
        overlay = semantic_overlay(image, prediction.semantic_pred, info)
        panoptic = labels.encode(prediction.semantic_pred, 0, info.label_divisor)
    else:
        raise ValueError(
            "the model serves neither panoptic_pred nor semantic_pred: export it with "
            "one of them"
        )
    write_png(base.with_name(f"{base.name}_overlay.png"), overlay)
    write_png(base.with_name(f"{base.name}_panoptic.png"), label_picture(panoptic))
    segments = find_segments(panoptic, info, prediction.instance_scores)
    _write_segments(
        base.with_name(f"{base.name}.json"),
        {
            "image": str(source),
            "height": image.shape[0],
            "width": image.shape[1],
            "label_divisor": info.label_divisor,
        },
        segments,
    )


def label_picture(panoptic: np.ndarray) -> np.ndarray:
    """Returns labels as the RGB of COCO's panoptic PNGs: r + 256 g + 65536 b.

    Args:
      panoptic: `[h, w]` integers, 0 to 2^24 - 1.
    """
    import numpy as np

    return np.stack([panoptic >> shift & 255 for shift in (0, 8, 16)], -1).astype(
        np.uint8
    )


def _is_image_of(path: Path, output: Path) -> bool:
    """Returns whether a file is no result of an earlier run."""
    return path.is_file() and not path.resolve().is_relative_to(output.resolve())


def _write_segments(
    path: Path, image: dict[str, Any], segments: Sequence[Segment]
) -> None:
    """Writes the JSON of an image, one line a segment."""
    from deeplab.core.atomic_file import atomic_file

    lines = [
        json.dumps(
            {
                "id": s.id,
                "class_id": s.class_id,
                "class": s.class_name,
                "is_thing": s.is_thing,
                "area": s.area,
                "score": None if s.score is None else round(s.score, 4),
                "bbox": list(s.box),
            }
        )
        for s in segments
    ]
    head = json.dumps(image).removesuffix("}")
    body = ",\n".join(lines)
    with atomic_file(path) as file:
        file.write(f'{head}, "segments": [\n{body}\n]}}\n'.encode())
