import numpy as np
import pytest
import tensorflow as tf

from tests.numbered import label_space


@pytest.mark.parametrize("divisor", [256, 1000, 65536])
def test_decode_inverts_encode(divisor):
    labels = label_space(255, label_divisor=divisor)
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 255, (5, 7), dtype=np.int32)
    instances = rng.integers(0, divisor, (5, 7), dtype=np.int32)
    label = labels.encode(classes, instances)
    assert label.dtype == np.int32
    decoded_classes, decoded_instances = labels.decode(label)
    np.testing.assert_array_equal(decoded_classes, classes)
    np.testing.assert_array_equal(decoded_instances, instances)
    np.testing.assert_array_equal(labels.class_of(label), classes)


def test_tensors_keep_their_type():
    label = label_space(19).encode(tf.constant([3]), tf.constant([4]))
    assert label.dtype == tf.int32
    assert label.numpy().tolist() == [3004]


def test_void_and_capacity():
    assert label_space(19).void == 255000
    assert label_space(19, label_divisor=256).max_instances == 255
