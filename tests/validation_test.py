import pytest

from deeplab.config import ConfigError, parse_config
from deeplab.plan import resolve
from deeplab.read_tracker import tracked
from deeplab.validation import refuse_unread, validate

CONFIG = """
model_options {{
  backbone {{ name: "resnet50" output_stride: 16 }}
  panoptic_deeplab {{ semantic_head {{ output_channels: 19 }} }}
}}
trainer_options {{
  loss_options {{ semantic_loss {{ name: "softmax_cross_entropy" }} }}
}}
train_dataset_options {{
  dataset: "cityscapes_panoptic"
  file_pattern: "{folder}/train-*"
  batch_size: 4
  crop_size: 65
  crop_size: 129
}}
eval_dataset_options {{
  dataset: "cityscapes_panoptic"
  file_pattern: "{folder}/train-*"
  batch_size: 1
  crop_size: 65
  crop_size: 129
}}
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "train-0").touch()
    return parse_config(CONFIG.format(folder=tmp_path))


def problems_of(config, mode="train_and_eval", num_replicas=1):
    with pytest.raises(ConfigError) as error:
        validate(config, mode, num_replicas)
    return str(error.value)


def test_good_config_passes(config):
    for mode in ("train", "eval", "train_and_eval", "continuous_eval"):
        validate(config, mode, num_replicas=1)


def test_crop_names_the_nearest_sizes(config):
    config.train_dataset_options.crop_size[1] = 130
    message = problems_of(config)
    assert "train_dataset_options.crop_size 130" in message
    assert "129 or 145" in message


def test_crop_needs_two_values(config):
    del config.train_dataset_options.crop_size[:]
    assert "height and width" in problems_of(config)


def test_everything_wrong_is_listed_at_once(config):
    config.model_options.backbone.name = "resnet51"
    config.model_options.backbone.output_stride = 4
    config.model_options.precision = "float8"
    config.train_dataset_options.dataset = "citiscapes_panoptic"
    config.eval_dataset_options.file_pattern[0] = "nowhere-*"
    message = problems_of(config)
    for part in (
        "did you mean resnet50",
        "output_stride 4",
        "'float8'",
        "did you mean cityscapes_panoptic",
        "no file matches 'nowhere-*'",
    ):
        assert part in message


def test_batch_is_shared_by_the_replicas(config):
    message = problems_of(config, "train", num_replicas=3)
    assert "a positive multiple of the number of replicas, 3" in message
    validate(config, "train", num_replicas=2)


def test_class_count_must_match_the_data(config):
    config.model_options.panoptic_deeplab.semantic_head.output_channels = 21
    message = problems_of(config)
    assert "21 channels" in message
    assert "19 classes" in message


def test_loss_of_another_architecture_is_refused(config):
    config.trainer_options.loss_options.pq_style_loss.weight = 3
    assert "pq_style_loss" in problems_of(config)


def test_an_architecture_brings_its_losses(config):
    config.trainer_options.ClearField("loss_options")
    validate(config, "train")


def test_unknown_input_normalization_is_named(config):
    config.model_options.input_normalization = "imagnet"
    assert "input_normalization: unknown" in problems_of(config)
    assert "did you mean imagenet" in problems_of(config)


def test_missing_architecture_is_explained(config):
    config.model_options.ClearField("meta_architecture")
    assert "panoptic_deeplab {}" in problems_of(config)


def test_only_the_sections_of_the_mode_are_checked(config):
    config.eval_dataset_options.file_pattern[0] = "nowhere-*"
    validate(config, "train")
    config.trainer_options.ClearField("loss_options")
    config.eval_dataset_options.file_pattern[0] = (
        config.train_dataset_options.file_pattern[0]
    )
    validate(config, "eval")


def test_unread_field_is_refused(config):
    plan = resolve(tracked(config))
    _ = plan.config.model_options.backbone.name
    with pytest.raises(ConfigError, match=r"model_options\.backbone\.output_stride"):
        refuse_unread(plan, ["model_options"])


def test_published_fields_without_effect_pass(config):
    config.evaluator_options.merge_semantic_and_instance_with_tf_op = False
    config.model_options.panoptic_deeplab.instance.enable = False
    config.model_options.panoptic_deeplab.instance.center_head.head_channels = 8
    config.evaluator_options.nms_kernel = 13
    config.evaluator_options.continuous_eval_timeout = 7
    refuse_unread(resolve(tracked(config)), ["evaluator_options"])
    plan = resolve(tracked(config))
    options = plan.config.model_options
    _ = (options.backbone.name, options.backbone.output_stride)
    _ = options.panoptic_deeplab.semantic_head.output_channels
    refuse_unread(plan, ["model_options"])
