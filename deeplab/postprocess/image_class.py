"""Classification: the most probable class of the image."""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.base import PostProcessor
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


def add_class(prediction: Prediction, images: tf.Tensor) -> Prediction:
    """Returns the prediction with `class_pred`; on a tie, the lowest class id."""
    del images
    most_probable = tf.argmax(prediction.class_probs, axis=-1, output_type=tf.int32)
    return prediction._replace(class_pred=most_probable)


@POSTPROCESSORS.register("image_class")
def build_image_class(options: EvaluatorOptions, info: DatasetInfo) -> PostProcessor:
    """Returns the post-processor for classification, which has no options."""
    del options, info
    return add_class
