"""Batch normalisation that training leaves as it was, as in Caffe's DeepLab.

Moving statistics, scale and shift come from a checkpoint. They are used in training
too, and nothing of them is trained: what is left is a fixed affine map of each channel.
It suits batches too small for statistics of their own.
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
        """Makes a weight that is not trained, whatever `trainable` of the model."""
        return super().add_weight(*args, **{**kwargs, "trainable": False})

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the scaled and shifted `inputs`, in training and out of it."""
        del training
        return super().call(inputs, training=False)

    def affine(self, training: bool = False) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Returns scale and shift, in training too; see `Norm.affine`."""
        del training
        return super().affine(training=False)
