"""Draws small raw folders of panoptic data sets; each returns label path and label."""

import numpy as np
from PIL import Image

from tests.datasets.index_trees import quarters
from tests.datasets.trees import photo, segment_png, write_json


def _segment(segment_id, category, area, crowd=0):
    return {
        "id": segment_id,
        "category_id": category,
        "iscrowd": crowd,
        "area": area,
    }


def ade20k_tree(root):
    """Wall, two persons (one painted over part of the wall), void."""
    name = "ADE_val_00000001"
    photo(root / "images/validation" / f"{name}.jpg")
    path = root / "ade20k_panoptic_val" / f"{name}.png"
    segment_png(quarters(1, 70_000, 256, 0), path)
    # The area of the wall is from before the person was painted over it.
    segments = [_segment(1, 0, 48), _segment(70_000, 12, 24), _segment(256, 12, 24)]
    entry = {"image_id": name, "file_name": f"{name}.png", "segments_info": segments}
    write_json(root / "ade20k_panoptic_val.json", [entry])
    return path, quarters(1_000, 13_001, 13_002, 0)


def mapillary_panoptic_tree(root):
    """Road, a car, a crowd of cars, void."""
    photo(root / "training/images/abc.jpg")
    folder = root / "training/v1.2/panoptic"
    segment_png(quarters(7, 300, 9, 0), folder / "abc.png")
    segments = [_segment(7, 14, 24), _segment(300, 56, 24), _segment(9, 56, 24, 1)]
    entry = {"image_id": "abc", "file_name": "abc.png", "segments_info": segments}
    write_json(folder / "panoptic_2018.json", [entry])
    return folder / "abc.png", quarters(13_000, 55_001, 55_000, 255_000)


def mapillary_instances_tree(root):
    """Bird, whose class and instance are 0; two cars, of which one is 0; void."""
    photo(root / "training/images/abc.jpg")
    path = root / "training/v1.2/instances/abc.png"
    path.parent.mkdir(parents=True)
    ids = quarters(0, 55 * 256, 55 * 256 + 3, 65 * 256, np.uint16)
    Image.fromarray(ids).save(path)
    return path, quarters(1, 55_001, 55_002, 255_000)


def bdd100k_tree(root):
    """Road, a car of a large id, a crowd of persons, and what is to be ignored."""
    name = "7d2f7975-e0c1c5a7"
    photo(root / "images/10k/val" / f"{name}.jpg")
    path = root / "labels/pan_seg/bitmasks/val" / f"{name}.png"
    path.parent.mkdir(parents=True)
    pixels = np.array(
        [[(7, 0, 0, 1), (35, 8, 4, 2)], [(31, 2, 0, 9), (35, 1, 0, 3)]], np.uint8
    )
    Image.fromarray(pixels.repeat(4, 0).repeat(6, 1)).save(path)
    return path, quarters(7_000, 35_001, 31_000, 0)
