"""Runs the official tools of metrics on drawn frames.

Each metric function returns values under the names that the library's metric uses, and
raises ModuleNotFoundError if its tool is missing. Tools that read files find those of
`write_coco` or `write_cityscapes`. To install the tools:

- `panopticapi`: `pip install --no-deps panopticapi-lite==0.2.0` (it requires numpy < 2
  but also runs with 2);
- `pycocotools`: part of the `dev` extra;
- `cityscapesscripts`: `pip install --no-deps cityscapesscripts pyquaternion`.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.metric_definitions import Frame
from deeplab.core.dataset_info import DatasetInfo


def write_coco(folder: Path, frames: Sequence[Frame], info: DatasetInfo) -> None:
    """Writes `truth.json` and `predicted.json` in the COCO panoptic format."""
    categories = [
        {"id": c.evaluation_id, "name": c.name, "isthing": int(c.is_thing)}
        for c in info.classes
    ]
    for kind in ("truth", "predicted"):
        (folder / kind).mkdir()
        annotations = []
        for index, frame in enumerate(frames):
            label = getattr(frame, kind)
            is_void = label // info.label_divisor == info.ignore_label
            ids = np.where(is_void, 0, label + 1)
            channels = [ids % 256, ids // 256 % 256, ids // 65536]
            name = f"{index}.png"
            Image.fromarray(np.stack(channels, -1).astype(np.uint8)).save(
                folder / kind / name
            )
            segments = [
                _segment(int(i), int(n), info, kind == "truth")
                for i, n in zip(*np.unique(ids, return_counts=True), strict=True)
                if i
            ]
            annotations.append(
                {"image_id": index, "file_name": name, "segments_info": segments}
            )
        content = {"annotations": annotations, "categories": categories}
        (folder / f"{kind}.json").write_text(json.dumps(content))


def _segment(
    segment_id: int, area: int, info: DatasetInfo, is_truth: bool
) -> dict[str, int]:
    class_id, instance = divmod(segment_id - 1, info.label_divisor)
    one = info.by_id[class_id]
    return {
        "id": segment_id,
        "category_id": one.evaluation_id,
        "area": area,
        "iscrowd": int(is_truth and one.is_thing and not instance),
    }


def panoptic_quality(
    tool: str, folder: Path, frames: Sequence[Frame], info: DatasetInfo
) -> dict[str, float]:
    """Returns the panoptic quality of `panopticapi` or of the Cityscapes scripts.

    Args:
      tool: name of the module to import.
      folder: folder that `write_coco` wrote to.
      frames: unused; the tool reads the files.
      info: description of the data set.
    """
    del frames
    module = importlib.import_module(tool)
    content = {
        kind: json.loads((folder / f"{kind}.json").read_text())
        for kind in ("truth", "predicted")
    }
    categories = {c["id"]: c for c in content["truth"]["categories"]}
    pairs = list(zip(*(content[kind]["annotations"] for kind in content), strict=True))
    with contextlib.redirect_stdout(io.StringIO()):
        stat = module.pq_compute_single_core(
            0, pairs, str(folder / "truth"), str(folder / "predicted"), categories
        )
    result = {}
    groups = (("all", None), ("things", True), ("stuff", False))
    for group, is_thing in groups:
        means, per_class = stat.pq_average(categories, is_thing)
        for kind in ("pq", "sq", "rq"):
            result[f"{group}/{kind}"] = 100 * means[kind]
            for c in info.classes if group == "all" else ():
                if _occurs(stat[c.evaluation_id]):
                    value = per_class[c.evaluation_id][kind]
                    result[f"{kind}/{c.name}"] = 100 * value
    return result


def _occurs(counts: Any) -> bool:
    return bool(counts.tp + counts.fp + counts.fn)


def write_cityscapes(folder: Path, frames: Sequence[Frame], info: DatasetInfo) -> None:
    """Writes greyscale PNGs of Cityscapes label ids; void is 0, "unlabeled"."""
    table = np.zeros(256, np.uint8)
    for c in info.classes:
        table[c.id] = c.evaluation_id
    for kind in ("truth", "predicted"):
        (folder / f"{kind}_ids").mkdir()
        for index, frame in enumerate(frames):
            ids = table[getattr(frame, kind) // info.label_divisor]
            Image.fromarray(ids).save(folder / f"{kind}_ids/{index}.png")


def cityscapes_iou(
    folder: Path, frames: Sequence[Frame], info: DatasetInfo
) -> dict[str, float]:
    """Returns the class IoUs of the Cityscapes scripts, on `write_cityscapes` files."""
    name = "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling"
    module = importlib.import_module(name)
    for option in ("JSONOutput", "evalInstLevelScore", "evalPixelAccuracy"):
        setattr(module.args, option, False)
    module.args.quiet = True
    predicted, truth = (
        [str(folder / f"{kind}_ids/{i}.png") for i in range(len(frames))]
        for kind in ("predicted", "truth")
    )
    with contextlib.redirect_stdout(io.StringIO()):
        found = module.evaluateImgLists(predicted, truth, module.args)
    scores = {c.name: found["classScores"][c.name] for c in info.classes}
    return {
        "miou": 100 * found["averageScoreClasses"],
        **{f"iou/{n}": 100 * s for n, s in scores.items() if not np.isnan(s)},
    }


def coco_ap(
    names: Sequence[str],
    scores: Mapping[int, Mapping[int, float]],
    frames: Sequence[Frame],
    info: DatasetInfo,
) -> dict[str, float]:
    """Returns the average precision of `pycocotools`, computed on dense masks.

    Args:
      names: names of the 12 metrics, in the order of the tool.
      scores: frame number -> predicted label -> confidence.
      frames: ground truth and predictions.
      info: description of the data set.
    """
    coco_module = importlib.import_module("pycocotools.coco")
    evaluation_module = importlib.import_module("pycocotools.cocoeval")
    things = set(info.thing_ids)
    truths, detections = [], []
    for index, frame in enumerate(frames):
        for label in np.unique(frame.truth).tolist():
            if label // info.label_divisor in things:
                is_crowd = int(label % info.label_divisor == 0)
                entry = _mask_of(frame.truth, label, index, info)
                entry |= {"id": len(truths) + 1, "iscrowd": is_crowd}
                truths.append(entry | {"bbox": [0, 0, 0, 0]})
        for label, score in scores[index].items():
            entry = _mask_of(frame.predicted, label, index, info)
            detections.append(entry | {"score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = coco_module.COCO()
        coco.dataset = {
            "images": [
                {"id": i, "height": f.truth.shape[0], "width": f.truth.shape[1]}
                for i, f in enumerate(frames)
            ],
            "annotations": truths,
            "categories": [{"id": i} for i in info.thing_ids],
        }
        coco.createIndex()
        evaluation = evaluation_module.COCOeval(coco, coco.loadRes(detections), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {
        name: 100 * float(value) if value >= 0 else -1.0
        for name, value in zip(names, evaluation.stats, strict=True)
    }


def _mask_of(
    label_map: np.ndarray, label: int, image: int, info: DatasetInfo
) -> dict[str, Any]:
    mask = importlib.import_module("pycocotools.mask")
    runs = mask.encode(np.asfortranarray(label_map == label, np.uint8))
    return {
        "image_id": image,
        "category_id": label // info.label_divisor,
        "segmentation": runs,
        "area": float(mask.area(runs)),
    }
