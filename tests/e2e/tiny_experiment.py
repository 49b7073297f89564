"""An experiment that takes seconds: a backbone of four layers on small scenes.

    python -m tests.e2e.tiny_experiment --config_file=... --mode=train

runs `trainer/train.py` with that backbone, for tests that kill the process.
"""

from __future__ import annotations

import sys

import tensorflow as tf
import tf_keras

from deeplab.backbones import BACKBONES
from deeplab.backbones.base import Backbone
from deeplab.config import parse_config
from deeplab.core.specs import FeatureSpec
from deeplab.data.tfexample import encode_example
from deeplab.datasets.toy_street.images import ToyStreet
from deeplab.layers.drop_path import drop_path_mask
from deeplab.trainer import train

HEIGHT, WIDTH = 33, 65


class TinyBackbone(Backbone):
    """Strided convolutions with batch normalisation and dropped paths."""

    def __init__(self, norm, keep_prob, channels=16):
        super().__init__(name="tiny")
        self.feature_specs = {
            "res2": FeatureSpec(channels // 2, 4),
            "res3": FeatureSpec(channels, 8),
            "res5": FeatureSpec(channels, 16),
        }
        layers = tf_keras.layers
        self._keep_prob = keep_prob
        self._convolutions = [
            layers.Conv2D(c, 3, s, padding="same", use_bias=False)
            for c, s in ((8, 2), (channels // 2, 2), (channels, 2), (channels, 2))
        ]
        norm_layer = (
            layers.experimental.SyncBatchNormalization
            if norm.kind == "sync_batch"
            else layers.BatchNormalization
        )
        self._norms = [
            norm_layer(momentum=norm.momentum, epsilon=norm.epsilon)
            for _ in self._convolutions
        ]

    def call(self, images, training=False):
        x, maps = images, []
        for convolution, norm in zip(self._convolutions, self._norms, strict=True):
            x = tf.nn.relu(norm(convolution(x), training=training))
            if training and self._keep_prob < 1:
                x *= drop_path_mask(x, self._keep_prob)
            maps.append(x)
        return {"res2": maps[1], "res3": maps[2], "res5": maps[3]}


@BACKBONES.register("tiny")
def build_tiny(options, norm):
    return TinyBackbone(norm, options.backbone.drop_path_keep_prob)


CONFIG = """
experiment_name: "tiny"
model_options {
  backbone { name: "tiny" output_stride: 16 }
  decoder {
    feature_key: "res5" decoder_channels: 8 aspp_channels: 8 atrous_rates: [1, 2, 3]
  }
  panoptic_deeplab {
    low_level { feature_key: "res3" channels_project: 8 }
    low_level { feature_key: "res2" channels_project: 4 }
    instance {
      center_head { output_channels: 1 head_channels: 4 }
      regression_head { output_channels: 2 head_channels: 4 }
    }
    semantic_head { output_channels: 8 head_channels: 8 }
  }
}
trainer_options {
  save_checkpoints_steps: 4
  save_summaries_steps: 2
  steps_per_loop: 2
  loss_options {
    semantic_loss { name: "softmax_cross_entropy" }
    center_loss { name: "mse" weight: 200.0 }
    regression_loss { name: "l1" weight: 0.01 }
  }
  solver_options {
    base_learning_rate: 0.01 batchnorm_momentum: 0.9 training_number_of_steps: 12
  }
}
train_dataset_options {
  dataset: "toy_street" batch_size: 4 crop_size: [33, 65] sigma: 2
}
eval_dataset_options {
  dataset: "toy_street" batch_size: 4 crop_size: [33, 65] sigma: 2
}
evaluator_options { eval_interval: 6 num_vis_samples: 1 }
"""

# The same without instances: half the layers.
SEMANTIC = """
model_options {
  backbone { name: "tiny" output_stride: 16 }
  decoder { feature_key: "res5" aspp_channels: 8 atrous_rates: [1, 2, 3] }
  deeplab_v3 { num_classes: 8 }
}
"""


def write_records(folder, split, images, sizes=((HEIGHT, WIDTH),)):
    """Writes scenes, their sizes in turn, to two files; returns their pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    writers = [
        tf.io.TFRecordWriter(str(folder / f"{split}-{i}.tfrecord")) for i in (0, 1)
    ]
    for index in range(images):
        height, width = sizes[index % len(sizes)]
        data = ToyStreet(images=images, height=height, width=width)
        raw = data.read(folder, split)[index].load()
        writers[index % 2].write(
            encode_example(
                image=raw.image,
                image_format="jpeg",
                filename=f"{split}_{index}",
                height=height,
                width=width,
                label=raw.label,
            )
        )
    for writer in writers:
        writer.close()
    return str(folder / f"{split}-*.tfrecord")


def experiment(records, semantic=False, **steps):
    """Returns the config on the records of a folder.

    Args:
      records: folder with records of splits "train" and "val".
      semantic: leaves the instances out.
      **steps: fields of `trainer_options` to set.
    """
    config = parse_config(CONFIG)
    if semantic:
        config.ClearField("model_options")
        config.MergeFrom(parse_config(SEMANTIC))
        losses = config.trainer_options.loss_options
        losses.ClearField("center_loss")
        losses.ClearField("regression_loss")
    config.train_dataset_options.file_pattern.append(str(records / "train-*"))
    config.eval_dataset_options.file_pattern.append(str(records / "val-*"))
    for name, value in steps.items():
        setattr(config.trainer_options, name, value)
    return config


def classification(records):
    """Returns the config that classifies ImageNet, on the records of a folder."""
    config = experiment(records, semantic=True)
    config.model_options.ClearField("decoder")
    config.model_options.classifier.num_classes = 1000
    config.model_options.classifier.feature_key = "res5"
    losses = config.trainer_options.loss_options
    losses.ClearField("semantic_loss")
    losses.class_loss.name = "softmax_cross_entropy"
    for options in (config.train_dataset_options, config.eval_dataset_options):
        options.dataset = "imagenet"
        options.batch_size = 2
        options.ClearField("sigma")
    return config


if __name__ == "__main__":
    sys.exit(train.main())
