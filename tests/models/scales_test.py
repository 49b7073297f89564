import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import CenterOffsetOutput, Outputs
from deeplab.models.scales import InferenceScales, TrainingScales


class Spy:
    """A network that notes what it sees and predicts the mean colour."""

    def __init__(self):
        self.seen = []

    def __call__(self, images, training=False, scale=1.0):
        self.seen.append((*images.shape[1:3], scale, training))
        mean = tf.reduce_mean(images, axis=[1, 2])[:, None, None]
        logits = mean + tf.zeros([1, 3, 5, 3])
        heatmap = logits[..., 0]
        main = CenterOffsetOutput(logits, heatmap, logits[..., :2])
        auxiliary = {"early": main} if training else {}
        return Outputs(main, auxiliary)


def test_each_scale_sees_its_size():
    network = Spy()
    scales = InferenceScales((0.5, 1.0, 1.25), add_flipped=True)
    prediction = scales(network, tf.zeros([1, 33, 65, 3]))
    assert network.seen == [
        run
        for run in (
            (17, 33, 0.5, False),
            (33, 65, 1.0, False),
            (41, 81, 1.25, False),
        )
        for _ in range(2)
    ]
    assert prediction.offset_map.shape == [1, 33, 65, 2]
    assert prediction.center_heatmap.shape == [1, 33, 65]


def test_probabilities_of_all_runs_are_averaged():
    def network(images, scale):
        logits = tf.constant([0.0, np.log(3.0) * (scale - 1.0)], tf.float32)
        logits += tf.zeros_like(images[..., :1])
        return Outputs(CenterOffsetOutput(logits, logits[..., 0], logits))

    prediction = InferenceScales((1.0, 2.0))(network, tf.zeros([1, 2, 2, 3]))
    # The means of 1/2, 1/2 and 1/4, 3/4.
    expected = np.broadcast_to([0.375, 0.625], (1, 2, 2, 2))
    np.testing.assert_allclose(prediction.semantic_probs, expected, rtol=1e-6)


def test_a_mirrored_pass_of_an_equivariant_network_agrees():
    def network(images, scale):
        assert scale == 1.0
        column = tf.cast(tf.range(tf.shape(images)[2]), tf.float32)
        # Looks for the brightest column, wherever it is.
        bright = tf.cast(tf.argmax(images[:, 0, :, 0], axis=-1), tf.float32)
        dx = bright[:, None, None] - column + tf.zeros_like(images[..., 0])
        offsets = tf.stack([tf.zeros_like(dx), dx], axis=-1)
        return Outputs(CenterOffsetOutput(images, images[..., 0], offsets))

    images = np.zeros((1, 4, 21, 3), "float32")
    images[:, :, 4] = 1.0
    plain = InferenceScales()(network, tf.constant(images))
    mirrored = InferenceScales(add_flipped=True)(network, tf.constant(images))
    for name in ("semantic_probs", "center_heatmap", "offset_map"):
        np.testing.assert_allclose(
            getattr(mirrored, name), getattr(plain, name), err_msg=name, atol=1e-6
        )


def test_training_runs_once_and_at_further_scales():
    network = Spy()
    scales = TrainingScales((0.5, 0.75))
    assert scales.names == ("scale_0.5", "scale_0.75")
    images = tf.random.stateless_uniform([2, 33, 65, 3], [0, 1])
    outputs = scales(network, images)
    assert network.seen == [
        (33, 65, 1.0, True),
        (17, 33, 0.5, True),
        (25, 49, 0.75, True),
    ]
    # The main output's auxiliary ones once, and those of no further scale.
    assert list(outputs.auxiliary) == ["early", "scale_0.5", "scale_0.75"]
    for one in (outputs.main, *outputs.auxiliary.values()):
        assert one.semantic_logits.shape == [2, 33, 65, 3]
        assert one.center_heatmap.shape == [2, 33, 65]


def test_without_further_scales_training_sees_the_image_alone():
    network = Spy()
    scales = TrainingScales()
    assert scales.names == ()
    outputs = scales(network, tf.zeros([1, 9, 17, 3]))
    assert network.seen == [(9, 17, 1.0, True)]
    assert list(outputs.auxiliary) == ["early"]


@pytest.mark.parametrize("scale", [0.0, -0.5, float("nan")])
def test_scales_that_are_none_are_refused(scale):
    with pytest.raises(ValueError, match=r"eval_scales .*scales must be above 0"):
        InferenceScales((1.0, scale))
    with pytest.raises(ValueError, match=r"training_scales .*scales must be above 0"):
        TrainingScales((scale,))
