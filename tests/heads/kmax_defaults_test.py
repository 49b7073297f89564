"""kMaX-DeepLab's defaults on the data sets that it was published for."""

import pytest

from deeplab.config import parse_config
from deeplab.datasets import DATASETS
from deeplab.heads.kmax_defaults import MASK_DEFAULTS, MaskDefaults, mask_defaults
from deeplab.plan import resolve


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cityscapes_panoptic", MaskDefaults(256, 2, False, 0.8)),
        ("cityscapes_dvps", MaskDefaults(256, 2, False, 0.8)),
        ("coco_panoptic", MaskDefaults(128, 4, True, 0.8)),
        ("ade20k_panoptic", MaskDefaults(128, 4, True, 1.0)),
        ("toy_street", MaskDefaults(128, 4, True, 0.8)),
    ],
)
def test_defaults_are_as_published(name, expected):
    assert mask_defaults(DATASETS.get(name)().info.name) == expected


def test_a_model_without_data_set_has_those_of_cityscapes():
    head = "max_deeplab { auxiliary_semantic_head { output_channels: 7 } }"
    config = parse_config(f"model_options {{ {head} }}")
    info = resolve(config).info
    assert mask_defaults(info.name) == MaskDefaults(256, 2, False, 0.8)


def test_every_named_data_set_exists():
    named = {*MASK_DEFAULTS} - {"unnamed"}
    assert all(DATASETS.get(name)().info.name == name for name in named)
