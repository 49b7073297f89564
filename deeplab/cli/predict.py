"""`deeplab predict`: pictures and segments of any images, with an exported model."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.core.structures import Prediction
    from deeplab.models.predictor import Predictor
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


def run(args: argparse.Namespace) -> int:
    """Predicts; writes NAME_overlay.png, NAME_panoptic.png and NAME.json per image.

    With a video model, the images of each folder are the frames of a video.

    Returns:
      0, or 1 if images could not be read: they are named, the others done.

    Raises:
      ValueError: there is no model or no image.
      OSError: a file cannot be written.
    """
    images = find_images(args.images, args.output)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from rich.console import Console
    from rich.progress import Progress

    from deeplab.models.predictor import load, read_image

    console = Console(stderr=True)
    with console.status(f"loading {args.model}"):
        predictor = load(args.model)
    if predictor.takes_video:
        return _predict_videos(predictor, images, args.output, console)
    bad = 0
    with Progress(console=console) as progress:
        for path, name in progress.track(images.items(), description="predicting"):
            try:
                image = read_image(path)
            except (ValueError, OSError) as error:
                bad += 1
                progress.print(f"skipped: {error}", markup=False)
                continue
            write_prediction(
                args.output / name, path, image, predictor(image), predictor.info
            )
    print(f"{args.output}: {len(images) - bad} images predicted")
    if bad:
        print(f"{bad} images could not be read, see above", file=sys.stderr)
    return int(bad > 0)


def _predict_videos(
    predictor: Predictor, images: Mapping[Path, str], output: Path, console: Console
) -> int:
    """Predicts videos: the images of each folder are one, in the order of their names.

    Returns:
      0.

    Raises:
      ValueError: there is but one image, or one cannot be read.
      OSError: a file cannot be read or written.
    """
    from rich.progress import Progress

    from deeplab.models.predictor import read_image

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
                write_prediction(
                    output / images[path],
                    path,
                    read_image(path),
                    prediction,
                    predictor.info,
                )
                progress.advance(task)
    print(f"{output}: {len(images)} frames of {len(videos)} videos predicted")
    return 0


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
