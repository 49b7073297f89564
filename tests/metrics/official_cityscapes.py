"""Drawn street scenes in the files of Cityscapes, and what its own tools say of them.

    python -m tests.metrics.official_cityscapes

writes `official_cityscapes.json` anew; it needs
`pip install --no-deps cityscapesscripts pyquaternion`.
"""

import contextlib
import importlib
import io
import json
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap

INFO = DATASETS.get("cityscapes_panoptic")().info
NUMBERS = Path(__file__).with_suffix(".json")
FORMAT_OF = {
    "cityscapes_instance_ap": "cityscapes_instances",
    "mean_iou": "cityscapes_pixel",
    "panoptic_quality": "cityscapes_panoptic",
}
NAMES = tuple(f"aachen_{seed:06d}_000019" for seed in range(8))
STUFF = (7, 8, 11, 13, 17, 21, 22, 23)
# Ego vehicle, static, ground.
VOID = (1, 4, 6)
# Persons, riders and cars, mostly; 30 is a trailer, which is not evaluated.
THINGS = (24, 24, 24, 25, 26, 26, 26, 27, 33, 30)
SIZE = (96, 160)


def draw(seed):
    """Returns instance ids [h, w] as in the ground truth: label id * 1000 + number.

    Crowds and void have a label id alone; some instances have less than 100 pixels.
    """
    rng = np.random.default_rng(seed)
    height, width = SIZE
    y, x = np.mgrid[:height, :width]
    ids = np.zeros(SIZE, np.int32)
    for number, label_id in enumerate(rng.permutation(STUFF)):
        ids[number * height // len(STUFF) :] = label_id
    ids[-8:] = VOID[0]
    ids[20:50, -30:-10] = rng.choice(VOID)
    for label_id in rng.choice((24, 26), 2):
        top, left = rng.integers(0, (height - 20, width - 30))
        ids[top : top + 20, left : left + rng.integers(4, 30)] = label_id
    for number, label_id in enumerate(rng.choice(THINGS, 12)):
        cy, cx = rng.integers(0, SIZE)
        ry, rx = rng.integers(3, (16, 20))
        inside = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
        ids[inside] = label_id * 1000 + number
    return ids


def predict(ids, seed):
    """Returns a label map of the data set, and scores of which some are equal."""
    rng = np.random.default_rng(1000 + seed)
    by_label_id = {c.evaluation_id: c.id for c in INFO.classes}
    ids = np.roll(ids, tuple(rng.integers(-2, 3, 2)), (0, 1))
    panoptic = np.full(SIZE, INFO.ignore_label * INFO.label_divisor, np.int32)
    scores = np.zeros(SIZE, np.float32)
    for number, value in enumerate(np.unique(ids).tolist(), 1):
        label_id = value // 1000 if value >= 1000 else value
        # What is not evaluated is taken for a car, or for nothing.
        class_id = by_label_id.get(label_id, rng.choice([13, INFO.ignore_label]))
        if class_id in INFO.thing_ids and rng.random() < 0.15:
            class_id = rng.choice(INFO.thing_ids)
        if class_id == INFO.ignore_label or rng.random() < 0.1:
            continue
        is_thing = class_id in INFO.thing_ids
        inside = ids == value
        if is_thing and rng.random() < 0.3:
            inside &= (np.arange(SIZE[1]) // 6 % 4 > 0)[None]
        panoptic[inside] = class_id * 1000 + number * is_thing
        scores[inside] = rng.integers(1, 8) / 8 if rng.random() < 0.5 else rng.random()
    return LabelMap(panoptic, scores)


def write(folder):
    """Writes `truth/` and, with the writers of the formats, `cityscapes_.../`."""
    sinks = {
        name: FORMATS.get(name)().writer(predictions_in(folder, name), INFO)
        for name in FORMAT_OF.values()
    }
    annotations = []
    for seed, name in enumerate(NAMES):
        ids = draw(seed)
        annotations.append(_write_truth(folder / "truth", name, ids))
        predicted = predict(ids, seed)
        for sink in sinks.values():
            sink.write(name, predicted)
    for sink in sinks.values():
        sink.close()
    categories = [
        {"id": c.evaluation_id, "name": c.name, "isthing": int(c.is_thing)}
        for c in INFO.classes
    ]
    content = {"annotations": annotations, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(content))


def predictions_in(folder, name):
    """Returns where `write` puts the predictions of a format."""
    return folder / (f"{name}.json" if name == "cityscapes_panoptic" else name)


def truth_in(folder, name):
    """Returns where `write` puts the ground truth of a format."""
    return folder / ("truth.json" if name == "cityscapes_panoptic" else "truth")


def _write_truth(folder, name, ids):
    """Writes label, instance and panoptic ids; returns the entry of the latter."""
    folder.mkdir(exist_ok=True)
    label_ids = np.where(ids >= 1000, ids // 1000, ids)
    Image.fromarray(label_ids.astype(np.uint8)).save(
        folder / f"{name}_gtFine_labelIds.png"
    )
    Image.fromarray(ids.astype(np.uint16)).save(
        folder / f"{name}_gtFine_instanceIds.png"
    )
    classes = {c.evaluation_id: c for c in INFO.classes}
    segments, kept = [], np.zeros_like(ids)
    for value in np.unique(ids).tolist():
        one = classes.get(value // 1000 if value >= 1000 else value)
        if one is None:
            continue
        kept[ids == value] = value
        segments.append(
            {
                "id": value,
                "category_id": one.evaluation_id,
                "area": int((ids == value).sum()),
                "iscrowd": int(one.is_thing and value < 1000),
            }
        )
    rgb = np.stack([kept % 256, kept // 256, np.zeros_like(kept)], -1)
    file_name = f"{name}_gtFine_panoptic.png"
    Image.fromarray(rgb.astype(np.uint8)).save(folder / file_name)
    return {"image_id": name, "file_name": file_name, "segments_info": segments}


def official_numbers(folder, metrics=tuple(FORMAT_OF)):
    """Returns metric -> key -> percent, by `cityscapesscripts`; see `write`."""
    tools = {
        "cityscapes_instance_ap": _instances,
        "mean_iou": _pixels,
        "panoptic_quality": _panoptic,
    }
    # The tools know NumPy before 2.4, which had `in1d`.
    in1d = mock.patch.object(np, "in1d", np.isin, create=True)
    with contextlib.redirect_stdout(io.StringIO()), in1d:
        return {metric: tools[metric](folder) for metric in metrics}


def _tool(level):
    return importlib.import_module(
        f"cityscapesscripts.evaluation.eval{level}SemanticLabeling"
    )


def _instances(folder):
    tool = _tool("InstanceLevel")
    # It keeps what it knows of the ground truth in a file.
    tool.args.gtInstancesFile = str(folder / "instances_of_truth.json")
    tool.args.predictionPath = str(folder)
    tool.args.quiet = True
    tool.setInstanceLabels(tool.args)
    predicted = [str(folder / "cityscapes_instances" / f"{name}.txt") for name in NAMES]
    truth = [str(folder / "truth" / f"{n}_gtFine_instanceIds.png") for n in NAMES]
    instances = tool.getGtInstances(truth, tool.args)
    matches = tool.matchGtWithPreds(predicted, truth, instances, tool.args)
    averages = tool.computeAverages(tool.evaluateMatches(matches, tool.args), tool.args)
    found = {"ap": averages["allAp"], "ap50": averages["allAp50%"]}
    for name, one in averages["classes"].items():
        found |= {f"ap/{name}": one["ap"], f"ap50/{name}": one["ap50%"]}
    return _percent(found)


def _pixels(folder):
    tool = _tool("PixelLevel")
    for option in ("JSONOutput", "evalInstLevelScore", "evalPixelAccuracy"):
        setattr(tool.args, option, False)
    tool.args.quiet = True
    found = tool.evaluateImgLists(
        [str(folder / "cityscapes_pixel" / f"{name}.png") for name in NAMES],
        [str(folder / "truth" / f"{name}_gtFine_labelIds.png") for name in NAMES],
        tool.args,
    )
    scores = {f"iou/{c.name}": found["classScores"][c.name] for c in INFO.classes}
    return _percent({"miou": found["averageScoreClasses"], **scores})


def _panoptic(folder):
    tool = _tool("Panoptic")
    truth = json.loads((folder / "truth.json").read_text())
    predicted = json.loads((folder / "cityscapes_panoptic.json").read_text())
    by_id = {a["image_id"]: a for a in predicted["annotations"]}
    pairs = [(a, by_id[a["image_id"]]) for a in truth["annotations"]]
    categories = {c["id"]: c for c in truth["categories"]}
    counts = tool.pq_compute_single_core(
        0, pairs, str(folder / "truth"), str(folder / "cityscapes_panoptic"), categories
    )
    found = tool.average_pq(counts, categories)
    occurring = {i for i, c in counts.pq_per_cat.items() if c.tp + c.fp + c.fn}
    numbers = {
        f"{group.lower()}/{kind}": found[group][kind]
        for group in ("All", "Things", "Stuff")
        for kind in ("pq", "sq", "rq")
    }
    for category in occurring:
        for kind in ("pq", "sq", "rq"):
            name = categories[category]["name"]
            numbers[f"{kind}/{name}"] = found["per_class"][category][kind]
    return _percent(numbers)


def _percent(numbers):
    return {k: 100 * float(v) for k, v in sorted(numbers.items()) if not np.isnan(v)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        write(Path(temporary))
        found = official_numbers(Path(temporary))
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
