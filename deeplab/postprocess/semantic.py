"""Semantic segmentation: the most probable class of each pixel."""

from __future__ import annotations

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.base import PostProcessor
from deeplab.protos.evaluator_pb2 import EvaluatorOptions


def most_probable_class(prediction: Prediction) -> tf.Tensor:
    """Returns [b, h, w] int32 class ids; on a tie, the lowest one."""
    return tf.argmax(prediction.semantic_probs, axis=-1, output_type=tf.int32)


def add_semantic_map(prediction: Prediction, images: tf.Tensor) -> Prediction:
    """Returns the prediction with `semantic_pred`, computed from `semantic_probs`."""
    del images
    return prediction._replace(semantic_pred=most_probable_class(prediction))


@POSTPROCESSORS.register("semantic")
def build_semantic(options: EvaluatorOptions, info: DatasetInfo) -> PostProcessor:
    """Returns the post-processor for semantic segmentation, which has no options."""
    del options, info
    return add_semantic_map
