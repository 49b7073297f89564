"""The most probable class."""

import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.postprocess.semantic import add_semantic_map


def test_the_lowest_of_the_most_probable_classes():
    probs = tf.constant([[[[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]]]])
    result = add_semantic_map(Prediction(semantic_probs=probs), tf.zeros([1, 1, 1, 3]))
    assert result.semantic_pred.numpy().tolist() == [[[1, 0]]]
    assert result.semantic_pred.dtype == tf.int32
    assert result.semantic_probs is probs
