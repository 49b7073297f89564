"""What a tracked config knows of its readers."""

import pytest

from deeplab.config import parse_config
from deeplab.read_tracker import tracked, unread_fields, untracked

CONFIG = """
experiment_name: "a"
model_options { backbone { name: "resnet50" output_stride: 16 } }
train_dataset_options { batch_size: 2 crop_size: 65 crop_size: 129 }
trainer_options { loss_options { extra_loss { name: "a" weight: 2 } } }
"""
SECTIONS = (
    "experiment_name",
    "model_options",
    "trainer_options",
    "train_dataset_options",
)


def test_names_what_nothing_read():
    config = tracked(parse_config(CONFIG))
    assert config.model_options.backbone.name == "resnet50"
    assert list(config.train_dataset_options.crop_size) == [65, 129]
    assert config.trainer_options.loss_options.extra_loss[0].name == "a"
    assert config.train_dataset_options.HasField("batch_size")
    assert unread_fields(config, SECTIONS) == [
        "experiment_name",
        "model_options.backbone.output_stride",
        "trainer_options.loss_options.extra_loss[0].weight",
        "train_dataset_options.batch_size",
    ]
    assert unread_fields(config, ["model_options"]) == [
        "model_options.backbone.output_stride"
    ]


def test_what_is_taken_as_a_whole_is_read():
    message = parse_config(
        """
        train_dataset_options {
          batch_size: 2
          dataset_description { ignore_label: 9 classes { id: 0 name: "road" } }
        }
        """
    )
    config = tracked(message)
    description = untracked(config.train_dataset_options.dataset_description)
    assert description == message.train_dataset_options.dataset_description
    assert unread_fields(config, SECTIONS) == ["train_dataset_options.batch_size"]


def test_a_plain_message_is_its_own_untracked_one_and_knows_nothing():
    message = parse_config(CONFIG)
    assert untracked(message) is message
    with pytest.raises(TypeError, match="the message is not tracked"):
        unread_fields(message, SECTIONS)
