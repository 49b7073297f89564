"""Draws small raw folders of STEP and DVPS: three frames, whose labels differ."""

import numpy as np
from PIL import Image

from tests.datasets.index_trees import quarters
from tests.datasets.trees import photo

# Depth of the quarters, in metres.
DEPTH = quarters(0.5, 2.0, 80.25, 0, np.float32)


def step_tree(root, split="train", sequence="0002", inner=""):
    """Frames 0, 1 and 3: road, car 300 + frame, a crowd of persons, void.

    Returns the labels of the frames by hand; 2 is missing.
    """
    labels = {}
    for number in (0, 1, 3):
        name = f"{number:06d}.png"
        photo(root / "images" / split / sequence / inner / name, seed=number)
        instance = 300 + number
        pixels = np.array(
            [
                [(0, 0, 0), (13, instance // 256, instance % 256)],
                [(11, 0, 0), (255, 0, 0)],
            ],
            np.uint8,
        )
        if split != "test":
            path = root / "panoptic_maps" / split / sequence / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.repeat(4, 0).repeat(6, 1)).save(path)
        labels[number] = quarters(0, 13_000 + instance, 11_000, 255_000)
    return labels


def motchallenge_tree(root):
    """Three frames: sky, person 7, a crowd of persons, void."""
    step_tree(root, "train", "0009", "img1")
    pixels = np.array([[(3, 0, 0), (4, 0, 7)], [(4, 0, 0), (255, 0, 0)]], np.uint8)
    for path in (root / "panoptic_maps/train/0009").iterdir():
        Image.fromarray(pixels.repeat(4, 0).repeat(6, 1)).save(path)


def _grey16(path, array):
    Image.fromarray(array.astype(np.uint16)).save(path)


def dvps_tree(root, name, split="train"):
    """Frames 0 and 1 of a sequence and 0 of another, which nothing follows.

    Returns the labels of the first two by hand.
    """
    labels = []
    for sequence, number in ((0, 0), (0, 1), (7, 0)):
        stem = f"{sequence:06d}_{number:06d}"
        city = f"_munster_000168_{number:06d}" if name == "cityscapes_dvps" else ""
        base = root / split / f"{stem}{city}"
        photo(base.with_name(f"{base.name}_leftImg8bit.png"), seed=number)
        if split == "test":
            continue
        if name == "cityscapes_dvps":
            label = quarters(0, 13_005 + number, 11_000, 32_000)
            _grey16(base.with_name(f"{base.name}_gtFine_instanceTrainIds.png"), label)
            depth = base.with_name(f"{base.name}_depth.png")
        else:
            # Road carries an instance in the file, which stuff does not have.
            classes, instances = (8, 0, 5, 255), (4, 2000 + number, 0, 9)
            for ending, values in (("class", classes), ("instance", instances)):
                path = base.with_name(f"{base.name}_gtFine_{ending}.png")
                _grey16(path, quarters(*values))
            label = quarters(
                *(8 * 65536, 2000 + number, 5 * 65536, 255 * 65536),
            )
            depth = base.with_name(f"{base.name}_depth_718.8560180664062.png")
        _grey16(depth, np.round(DEPTH * 256))
        labels.append(label)
    return labels[:2]
