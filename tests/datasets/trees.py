"""Draws small raw folders in the layouts of the official data sets."""

import json

import numpy as np
from PIL import Image

# Segment id -> (COCO category, crowd, rows, columns); what is left is void.
COCO_SEGMENTS = {
    1: (187, 0, slice(0, 4), slice(0, 12)),  # sky-other-merged: class 120
    70_000: (1, 0, slice(4, 8), slice(0, 3)),  # person 1
    256: (1, 0, slice(4, 8), slice(3, 5)),  # person 2
    9: (1, 1, slice(4, 8), slice(5, 8)),  # a crowd of persons
    300: (3, 0, slice(4, 8), slice(8, 11)),  # car 1: class 3
}


def coco_label(crowd):
    """The label of `COCO_SEGMENTS` worked out by hand; void is 0."""
    label = np.zeros((8, 12), np.int32)
    label[0:4] = 120 * 256
    label[4:8, 0:3] = 256 + 1
    label[4:8, 3:5] = 256 + 2
    label[4:8, 5:8] = crowd
    label[4:8, 8:11] = 3 * 256 + 1
    return label


def segment_png(ids, path):
    """Writes segment ids as r + 256 g + 65536 b."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], -1)
    Image.fromarray(rgb.astype(np.uint8)).save(path)


def photo(path, height=8, width=12, seed=0):
    """Writes a small RGB image; the ending of the path gives its format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def coco_entry(name, segments):
    """The annotation of one image, with the areas that it really has."""
    return {
        "image_id": name,
        "file_name": f"{name}.png",
        "segments_info": [
            {
                "id": i,
                "category_id": category,
                "iscrowd": crowd,
                "area": (rows.stop - rows.start) * (columns.stop - columns.start),
            }
            for i, (category, crowd, rows, columns) in segments.items()
        ],
    }


def coco_tree(root, names=("000000000001", "000000000002"), split="val"):
    """Draws a COCO panoptic folder; every image has the same label."""
    ids = np.zeros((8, 12), np.int64)
    for i, (_, _, rows, columns) in COCO_SEGMENTS.items():
        ids[rows, columns] = i
    for number, name in enumerate(names):
        photo(root / f"{split}2017" / f"{name}.jpg", seed=number)
        folder = root / "annotations" / f"panoptic_{split}2017"
        segment_png(ids, folder / f"{name}.png")
    listed = root / "annotations" / f"panoptic_{split}2017.json"
    write_json(listed, [coco_entry(name, COCO_SEGMENTS) for name in names])
    return root


def write_json(path, annotations):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"annotations": annotations}))


# Cityscapes label ids: road 7, building 11, person 24, car 26; 3 is out of roi.
CITYSCAPES_IDS = np.repeat(
    [[7] * 6, [11] * 6, [24001, 24001, 24000, 24, 24, 3], [26000] * 5 + [0]], 2, axis=0
)


def cityscapes_label(crowd):
    """The label of `CITYSCAPES_IDS`; instances are numbered by ascending id."""
    void = 255_000
    persons = [11_002, 11_002, 11_001, crowd, crowd, void]
    rows = [[0] * 6, [2_000] * 6, persons, [13_001] * 5 + [void]]
    return np.repeat(np.array(rows, np.int32), 2, axis=0)


def cityscapes_tree(root, source, split="val", city="ulm"):
    """Draws a Cityscapes folder with labels of one source.

    Args:
      root: where.
      source: "trainId", "labelId" (panoptic files) or "instanceIds".
      split: name of the split.
      city: name of the city.
    """
    name = f"{city}_000000_000019"
    photo(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", 8, 6)
    labels = root / "gtFine"
    if source == "instanceIds":
        path = labels / split / city / f"{name}_gtFine_instanceIds.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(CITYSCAPES_IDS.astype(np.uint16)).save(path)
        return root
    ending = "_trainId" if source == "trainId" else ""
    folder = labels / f"cityscapes_panoptic_{split}{ending}"
    train_id = {7: 0, 11: 2, 24: 11, 26: 13}
    evaluated = [i for i in np.unique(CITYSCAPES_IDS).tolist() if i not in (0, 3)]
    segments = []
    for i in evaluated:
        label_id = i // 1000 if i >= 1000 else i
        category = train_id[label_id] if source == "trainId" else label_id
        crowd = int(i < 1000 and label_id >= 24)
        area = int(np.equal(CITYSCAPES_IDS, i).sum())
        segments.append(
            {"id": i, "category_id": category, "iscrowd": crowd, "area": area}
        )
    ids = np.where(np.isin(CITYSCAPES_IDS, evaluated), CITYSCAPES_IDS, 0)
    segment_png(ids, folder / f"{name}_gtFine_panoptic.png")
    entry = {
        "image_id": name,
        "file_name": f"{name}_gtFine_panoptic.png",
        "segments_info": segments,
    }
    write_json(folder.with_suffix(".json"), [entry])
    return root


DESCRIPTION = {
    "name": "mine",
    "classes": [
        {"id": 0, "name": "ground"},
        {"id": 1, "name": "cup", "is_thing": True},
    ],
    "ignore_label": 255,
    "label_divisor": 1000,
}


def folder_tree(root):
    """Draws a plain folder: a grey, a palette and an RGB label."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "description.json").write_text(json.dumps(DESCRIPTION))
    for i, name in enumerate(("a", "b", "sub/c")):
        photo(root / "images" / f"{name}{('.jpg', '.png', '.bmp')[i]}", seed=i)
    classes = np.zeros((8, 12), np.uint8)
    classes[2:, 3:] = 1
    classes[0, 0] = 255
    (root / "labels").mkdir()
    Image.fromarray(classes).save(root / "labels" / "a.png")
    palette = Image.fromarray(classes, "P")
    palette.putpalette([7, 8, 9] * 256)
    palette.save(root / "labels" / "b.png")
    segment_png(classes.astype(np.int64) * 1000, root / "labels" / "sub" / "c.png")
    return root


def broken_image(message):
    """Fails as a reader does."""
    raise ValueError(message)
