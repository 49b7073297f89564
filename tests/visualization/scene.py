"""A data set of four classes and a small labelled scene for the tests of pictures."""

import numpy as np

from deeplab.core.dataset_info import ClassInfo, DatasetInfo

DIVISOR = 1000


def info(**changes):
    fields = {
        "name": "scene",
        "classes": (
            ClassInfo(0, "road", False, (128, 64, 128), 7),
            ClassInfo(1, "sky", False, (70, 130, 180), 23),
            ClassInfo(2, "car", True, (0, 0, 142), 26),
            ClassInfo(3, "person", True, (220, 20, 60), 24),
        ),
        "num_classes": 4,
        "ignore_label": 255,
        "label_divisor": DIVISOR,
    }
    return DatasetInfo(**{**fields, **changes})


def labels(height=48, width=96):
    """Sky above road, two cars side by side, a person, a crowd, and void below."""
    label = np.full((height, width), 1 * DIVISOR, np.int32)
    label[height // 2 :] = 0
    label[10:34, 4:24] = 2 * DIVISOR + 1
    label[10:34, 24:44] = 2 * DIVISOR + 2
    label[12:40, 60:70] = 3 * DIVISOR + 1
    label[12:20, 80:90] = 3 * DIVISOR
    label[-4:] = 255 * DIVISOR
    return label


def image(height=48, width=96, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
