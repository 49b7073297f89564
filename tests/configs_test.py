"""Every config of the tree: reads, resolves to the published values, builds."""

import difflib
from pathlib import Path

import pytest
import tf_keras
from google.protobuf import text_format

from deeplab import config as config_lib
from deeplab import factory, validation
from deeplab.backbones import BACKBONES
from deeplab.data.pipeline_config import pipeline_config
from deeplab.models.cost import parameter_counts
from deeplab.plan import resolve
from deeplab.protos import config_pb2
from deeplab.read_tracker import tracked, unread_fields
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
# Training and evaluation, by data set and, where they differ, by name.
CROPS = {
    "cityscapes": [1025, 2049],
    "cityscapes_dvps": ([513, 1025], [1025, 2049]),
    "coco/panoptic_deeplab": [641, 641],
    "coco/kmax_deeplab": [1281, 1281],
    "coco/max_deeplab/max_deeplab_s_os16_res641": [641, 641],
    "coco/max_deeplab": [1025, 1025],
    "ade20k": [641, 641],
    "ade20k/kmax_deeplab/kmax_meta_r50_os32_res1281": [1281, 1281],
    "ade20k/kmax_deeplab/kmax_meta_convnext_large_os32_res1281": [1281, 1281],
    "kitti": [385, 1249],
    "semkitti_dvps": [385, 1281],
    "motchallenge": [1089, 1921],
    "example": [1025, 2049],
    "example/example_coco": [65, 65],
    "example/example_kitti-step": [385, 1249],
}
# Fields that neither model, loss, metric nor pipeline reads, but what runs them.
READ_IN_A_RUN = (
    "experiment_name",
    "model_options.initial_checkpoint",
    "model_options.backbone.pretrained_weights",
    "trainer_options.num_checkpoints_to_keep",
    "trainer_options.save_checkpoints_steps",
    "trainer_options.save_summaries_steps",
    "trainer_options.steps_per_loop",
    "trainer_options.solver_options",
    "train_dataset_options.batch_size",
    "eval_dataset_options.batch_size",
    "evaluator_options.continuous_eval_timeout",
    "evaluator_options.eval_interval",
    "evaluator_options.convert_raw_to_eval_ids",
    "evaluator_options.merge_semantic_and_instance_with_tf_op",
    "evaluator_options.save_predictions",
    "evaluator_options.save_raw_predictions",
)
# Built in the default suite; the others take longer.
SMALL = ("mobilenet_v3_small_os16", "resnet50_os32_semseg")


def text_of(config):
    return (ROOT / "configs" / config).read_text()


def name_of(config):
    return "__".join(config.with_suffix("").parts)


def published_text(config):
    """Returns the config that a record was made with; None where there is none."""
    extra = RECORDS.parent / f"extra_configs/{name_of(config)}.textproto"
    if extra.exists():
        return extra.read_text()
    record = RECORDS / f"{name_of(config)}.json.gz"
    return parity.read_record(record)["config_text"] if record.exists() else None


def crops_of(config):
    key = max((k for k in CROPS if str(config).startswith(k)), key=len)
    crops = CROPS[key]
    return crops if isinstance(crops, tuple) else (crops, crops)


PUBLISHED = [
    Path(line)
    for line in (RECORDS.parent / "config_names.txt").read_text().splitlines()
]
RECORDED = [c for c in PUBLISHED if published_text(c)]


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


def test_all_published_configs_are_here():
    assert len(PUBLISHED) == 62
    assert set(PUBLISHED) <= set(CONFIGS)


def departures(path):
    """Yields where a config departs from the published one."""
    config = config_lib.read_config(ROOT / "configs" / path)
    published = text_format.Parse(published_text(path), config_pb2.ExperimentOptions())
    crops = dict(zip(("train", "eval"), crops_of(path), strict=True))
    if path.parts[0] == "example":
        del crops["eval"]
    for split, crop in crops.items():
        if list(getattr(config, f"{split}_dataset_options").crop_size) != crop:
            yield f"{path}: {split}_dataset_options.crop_size is not {crop}"
    if comparable(config) != comparable(published):
        texts = (str(message).splitlines() for message in (published, config))
        yield from difflib.unified_diff(*texts, "published", str(path), lineterm="")


def test_all_resolve_to_the_published_values():
    found = [line for path in RECORDED for line in departures(path)]
    assert not found, "\n".join(found)


def test_example_without_record_is_the_experiment_at_a_finer_stride():
    example, experiment = (
        config_lib.read_config(ROOT / "configs" / name).model_options
        for name in (
            "example/example_kitti-step_motion_deeplab.textproto",
            "kitti/motion_deeplab/resnet50_os32.textproto",
        )
    )
    experiment.ClearField("initial_checkpoint")
    for unset in ("decoder_channels", "aspp_channels"):
        # Their defaults.
        assert getattr(experiment.decoder, unset) == 256
        experiment.decoder.ClearField(unset)
    assert experiment.backbone.output_stride == example.backbone.output_stride
    experiment.backbone.ClearField("output_stride")
    for decoder in (
        experiment.decoder,
        experiment.motion_deeplab.instance.instance_decoder_override,
    ):
        decoder.atrous_rates[:] = [6, 12, 18]
    assert example == experiment


def with_data(path, folder):
    """Returns a config whose file patterns match something."""
    (folder / "data.tfrecord").touch()
    files = f"file_pattern={folder}/*.tfrecord"
    return config_lib.read_config(
        ROOT / "configs" / path,
        [f"train_dataset_options.{files}", f"eval_dataset_options.{files}"],
    )


def is_built_in(config):
    try:
        plan = resolve(config_lib.read_config(ROOT / "configs" / config))
        BACKBONES.get(plan.config.model_options.backbone.name)
    except ValueError:
        return False
    return True


BUILT_IN = [c for c in CONFIGS if is_built_in(c)]


def refusal(config, mode):
    """Returns why a config is refused; None if it is not."""
    try:
        validation.validate(config, mode)
    except config_lib.ConfigError as error:
        return str(error)
    return None


def test_all_can_train_and_evaluate(tmp_path):
    refused = {
        str(path): reason
        for path in BUILT_IN
        if "example_" not in path.name
        and (reason := refusal(with_data(path, tmp_path), "train_and_eval"))
    }
    assert not refused


@pytest.mark.parametrize(
    ("belongs", "reason"),
    [
        (lambda path: "example_" in path.name, "file_pattern: it is empty"),
        (lambda path: "${" in text_of(path), "no file matches '${TRAIN_SET}'"),
    ],
    ids=["without data", "with placeholders"],
)
def test_what_has_no_data_yet_is_refused_in_words(belongs, reason):
    paths = [path for path in BUILT_IN if belongs(path)]
    assert paths
    silent = [
        f"{path}: {said}"
        for path in paths
        for said in [refusal(config_lib.read_config(ROOT / "configs" / path), "train")]
        if not said or reason not in said
    ]
    assert not silent, "\n".join(silent)


def different_models(paths):
    """Leaves out configs whose model another one has: they differ in training."""
    found = {}
    for path in paths:
        config = config_lib.read_config(ROOT / "configs" / path)
        dataset = config.train_dataset_options.dataset
        model = comparable(config).model_options
        found.setdefault((model.SerializeToString(deterministic=True), dataset), path)
    return list(found.values())


def build_all(config):
    """Builds what a config describes, without data; returns the model."""
    model = factory.build_model(config)
    if config.HasField("trainer_options"):
        factory.build_loss(config)
        factory.build_metrics(config)
        stride = config.model_options.backbone.output_stride
        pipeline_config(config.train_dataset_options, stride, training=True)
        pipeline_config(config.eval_dataset_options, stride, training=False)
    return model


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(c, marks=() if c.stem in SMALL else pytest.mark.slow, id=str(c))
        for c in different_models(c for c in BUILT_IN if c.name != "base.textproto")
    ],
)
def test_builds_and_reads_every_option(path):
    config = tracked(config_lib.read_config(ROOT / "configs" / path))
    counts = parameter_counts(build_all(config).checkpoint_items)
    assert all(sum(pair) for pair in counts.values())
    record_path = RECORDS / f"{name_of(path)}.json.gz"
    if record_path.exists():
        record = parity.read_record(record_path)
        trained = sum(trained for trained, _ in counts.values())
        assert trained == record["trainable_params"]
    tf_keras.backend.clear_session()
    if config.HasField("trainer_options"):
        known = READ_IN_A_RUN + resolve(config).architecture.selection.without_effect
        unread = unread_fields(config, config.DESCRIPTOR.fields_by_name)
        assert [u for u in unread if not validation.is_part_of(u, known)] == []


def test_headers_say_command_and_what_to_expect():
    problems = []
    for path in (c for c in CONFIGS if c.name != "base.textproto"):
        header = text_of(path).partition("\n\n")[0].replace(" \\\n#", "")
        if f"--config_file=configs/{path}" not in " ".join(header.split()):
            problems.append(f"{path}: no command with this file")
        is_scored = path in PUBLISHED and path.parts[0] != "example"
        if is_scored and "\n# Score: " not in header:
            problems.append(f"{path}: no score")
    assert not problems, "\n".join(problems)
