import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Example, Prediction
from deeplab.losses import LOSSES
from deeplab.losses.base import TermOptions
from deeplab.losses.depth import DepthLoss
from tests.numbered import numbered_dataset


def loss(truth, depth, ignore_depth=0.0):
    example = Example(image=None, depth_gt=tf.constant(truth, tf.float32))
    output = Prediction(depth_pred=tf.constant(depth, tf.float32)[..., None])
    return DepthLoss(ignore_depth=ignore_depth)(example, output).numpy()


def test_by_hand():
    """Ratios 2 and 1/2: the logarithms are +-log 2, of mean 0.

    Relative errors (4 - 2) / 4 = 1/2 and (2 - 4) / 2 = -1: the root of (1/4 + 1) / 2.
    """
    expected = np.log(2) ** 2 + np.sqrt(5 / 8)
    np.testing.assert_allclose(loss([[[4, 2]]], [[[2, 4]]]), [expected], rtol=1e-6)


def test_a_common_factor_costs_the_relative_error_alone():
    np.testing.assert_allclose(loss([[[2, 4]]], [[[3, 6]]]), [0.5], rtol=1e-6)


def test_pixels_without_depth_change_nothing():
    expected = loss([[[4, 2]]], [[[2, 4]]])
    found = loss([[[4, 2, 0, -1, 7]]], [[[2, 4, 9, 3, 1]]], ignore_depth=7.0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("truth", "depth"), [([[[0, 0]]], [[[1, 2]]]), ([[[3, 5]]], [[[3, 5]]])]
)
def test_nothing_known_and_nothing_wrong_have_a_gradient(truth, depth):
    example = Example(image=None, depth_gt=tf.constant(truth, tf.float32))
    prediction = tf.Variable(depth, dtype=tf.float32)
    with tf.GradientTape() as tape:
        value = DepthLoss()(example, Prediction(depth_pred=prediction))
    np.testing.assert_allclose(value, [0], atol=1e-6)
    np.testing.assert_array_equal(tape.gradient(value, prediction), [[[0, 0]]])


def test_a_prediction_of_zero_is_finite():
    assert np.isfinite(loss([[[4, 2]]], [[[0, 4]]])).all()


def test_counts_all_pixels():
    info = numbered_dataset(3)
    with pytest.raises(ValueError, match=r"depth_loss\.top_k_percent"):
        LOSSES.get("depth_loss")(TermOptions("depth_loss", 1.0, 0.5), info)
