"""Batch normalisation that stays frozen in training, as in the Caffe DeepLab.

Moving averages, scale and shift come from a checkpoint. They are used in training as
well and are not trained, so the layer is a fixed affine map of each channel. This suits
batches that are too small for batch statistics.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from deeplab.layers.norms import NORMS
from deeplab.layers.norms.batch import BatchNormalization


@NORMS.register("frozen_batch")
class FrozenBatchNormalization(BatchNormalization):
    """Scales and shifts each channel by constants."""

    options = ("epsilon",)

    def add_weight(self, *args: Any, **kwargs: Any) -> tf.Variable:
        """Creates a weight that is not trained, whatever the model's `trainable`."""
        return super().add_weight(*args, **{**kwargs, "trainable": False})

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the scaled and shifted `inputs`, in training and evaluation alike."""
        del training
        return super().call(inputs, training=False)

    def affine(self, training: bool = False) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Returns scale and shift, also in training; see `Norm.affine`."""
        del training
        return super().affine(training=False)
