"""Every config of the tree: reads, resolves to the published values, builds."""

from pathlib import Path

import pytest
from google.protobuf import text_format

from deeplab import config as config_lib
from deeplab.protos import config_pb2
from tests.parity import parity

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(
    p.relative_to(ROOT / "configs") for p in (ROOT / "configs").rglob("*.textproto")
)
RECORDS = ROOT / "tests/parity/records/models"
# What the records leave out or reduce, and what has no effect here.
NOT_RECORDED = {
    "": ["experiment_name", "base_config"],
    "model_options": ["initial_checkpoint"],
    "model_options.backbone": ["pretrained_weights"],
    "train_dataset_options": ["file_pattern", "crop_size"],
    "eval_dataset_options": ["file_pattern", "crop_size"],
    "evaluator_options": ["merge_semantic_and_instance_with_tf_op"],
}
CROPS = {
    "cityscapes": [1025, 2049],
    "coco": [641, 641],
    "kitti": [385, 1249],
    "motchallenge": [1089, 1921],
    "example": [1025, 2049],
}
LARGE = ("swidernet_sac_1_1_3", "swidernet_sac_1_1_4.5")


def record_path(config):
    return RECORDS / ("__".join(config.with_suffix("").parts) + ".json.gz")


PUBLISHED = [c for c in CONFIGS if record_path(c).exists()]


def comparable(config):
    for path, names in NOT_RECORDED.items():
        message = config
        for part in filter(None, path.split(".")):
            message = getattr(message, part)
        for name in names:
            message.ClearField(name)
    for section in ("evaluator_options", "eval_dataset_options"):
        # Absent and empty say the same.
        getattr(config, section).SetInParent()
    return config


def test_all_published_configs_of_these_architectures_are_here():
    families = ("panoptic_deeplab", "example_cityscapes")
    recorded = {
        p.name for p in RECORDS.glob("*.gz") if any(f in p.name for f in families)
    }
    assert recorded == {record_path(c).name for c in PUBLISHED}
    assert len(PUBLISHED) == 23


@pytest.mark.parametrize("path", PUBLISHED, ids=str)
def test_resolves_to_the_published_values(path):
    config = config_lib.read_config(ROOT / "configs" / path)
    record = parity.read_record(record_path(path))
    published = text_format.Parse(record["config_text"], config_pb2.ExperimentOptions())
    assert list(config.train_dataset_options.crop_size) == CROPS[path.parts[0]]
    assert comparable(config) == comparable(published)
