"""Every config of the tree: reads, resolves to the published values, builds."""

from pathlib import Path

import pytest
import tf_keras
from google.protobuf import text_format

from deeplab import config as config_lib
from deeplab import factory, validation
from deeplab.models.cost import parameter_counts
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
# Built in the parity suite only, from equal configs: they take half a minute each.
LARGE = ("swidernet_sac_1_1_3_os16", "swidernet_sac_1_1_4.5_os16", "wide_resnet41_os16")
# Built in the default suite; the others take longer.
SMALL = ("mobilenet_v3_small_os16", "resnet50_os32_semseg")


def text_of(config):
    return (ROOT / "configs" / config).read_text()


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


def with_data(path, folder):
    """Returns a config whose file patterns match something."""
    (folder / "data.tfrecord").touch()
    files = f"file_pattern={folder}/*.tfrecord"
    return config_lib.read_config(
        ROOT / "configs" / path,
        [f"train_dataset_options.{files}", f"eval_dataset_options.{files}"],
    )


@pytest.mark.parametrize(
    "path", [c for c in CONFIGS if "example_" not in c.name], ids=str
)
def test_can_train_and_evaluate(path, tmp_path):
    validation.validate(with_data(path, tmp_path), "train_and_eval")


@pytest.mark.parametrize("path", [c for c in CONFIGS if "example_" in c.name], ids=str)
def test_example_without_data_is_refused_in_words(path):
    config = config_lib.read_config(ROOT / "configs" / path)
    with pytest.raises(
        config_lib.ConfigError, match="file_pattern: no files are named"
    ):
        validation.validate(config, "train")


@pytest.mark.parametrize("path", [c for c in CONFIGS if "${" in text_of(c)], ids=str)
def test_placeholders_are_named(path):
    config = config_lib.read_config(ROOT / "configs" / path)
    with pytest.raises(
        config_lib.ConfigError, match=r"no file matches '\$\{TRAIN_SET\}'"
    ):
        validation.validate(config, "train")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(c, marks=() if c.stem in SMALL else pytest.mark.slow, id=str(c))
        for c in CONFIGS
        if c.name != "base.textproto" and c.stem not in LARGE
    ],
)
def test_builds(path):
    model = factory.build_model(config_lib.read_config(ROOT / "configs" / path))
    counts = parameter_counts(model.checkpoint_items)
    assert all(sum(pair) for pair in counts.values())
    if path in PUBLISHED:
        record = parity.read_record(record_path(path))
        trained = sum(trained for trained, _ in counts.values())
        assert trained == record["trainable_params"]
    tf_keras.backend.clear_session()


@pytest.mark.parametrize(
    "path", [c for c in CONFIGS if c.name != "base.textproto"], ids=str
)
def test_header_says_command_and_what_to_expect(path):
    header = text_of(path).partition("\n\n")[0].replace(" \\\n#", "")
    assert f"--config_file=configs/{path}" in " ".join(header.split())
    if path in PUBLISHED and path.parts[0] != "example":
        assert "\n# Score: " in header
