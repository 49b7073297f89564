"""Softmax cross entropy of the image class."""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import ClassOutput, Example
from deeplab.losses import LOSSES
from deeplab.losses.base import LossTerm, TermOptions, check_name


class ClassCrossEntropy:
    """Cross entropy of one class per image."""

    def __init__(self, *, num_classes: int):
        """Makes the term.

        Args:
          num_classes: channels of the logits; images of other classes are ignored.
        """
        self._num_classes = num_classes

    def __call__(self, example: Example, output: ClassOutput) -> tf.Tensor:
        """Returns [batch] float32; see `LossTerm`."""
        label = example.class_gt
        valid = (label >= 0) & (label < self._num_classes)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.where(valid, label, 0),
            logits=tf.cast(output.class_logits, tf.float32),
        )
        return tf.where(valid, entropy, 0.0)


@LOSSES.register("class_loss")
def build_class_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the term for the image class.

    Raises:
      ValueError: the loss name is unknown, or `top_k_percent` is set.
    """
    check_name("class_loss", options.name, ["softmax_cross_entropy"])
    if options.top_k_percent != 1.0:
        raise ValueError(
            "class_loss.top_k_percent: an image has one class, and no pixels to choose "
            "from; leave it out"
        )
    return ClassCrossEntropy(num_classes=info.num_classes)
