import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import (
    CenterOffsetOutput,
    ClassOutput,
    MaskOutput,
    Outputs,
    Prediction,
    present,
)
from deeplab.models.outputs import (
    average,
    mirror_output,
    resize_outputs,
    to_prediction,
)


def output(height=3, width=5):
    rng = np.random.default_rng(0)

    def values(*channels):
        return tf.constant(rng.normal(size=(1, height, width, *channels)), tf.float32)

    return CenterOffsetOutput(values(4), values(), values(2))


def test_all_outputs_are_resized_and_offsets_alone_grow():
    ones = CenterOffsetOutput(*(tf.ones_like(value) for value in output()))
    outputs = resize_outputs(Outputs(ones, {"early": ones}), (5, 9))
    assert outputs.auxiliary.keys() == {"early"}
    for large in (outputs.main, outputs.auxiliary["early"]):
        expected = CenterOffsetOutput(
            np.ones((1, 5, 9, 4)), np.ones((1, 5, 9)), np.full((1, 5, 9, 2), 2.0)
        )
        for ours, theirs in zip(large, expected, strict=True):
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_masks_keep_their_stride():
    masks = MaskOutput(
        pixel_space_mask_logits=tf.ones([1, 3, 5, 7]),
        transformer_class_logits=tf.ones([1, 7, 4]),
        pixel_space_normalized_feature=tf.ones([1, 3, 5, 2]),
        auxiliary_semantic_logits=tf.ones([1, 2, 3, 3]),
    )
    resized = resize_outputs(Outputs(masks), (9, 17)).main
    for ours, theirs in zip(resized, masks, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_mirroring_turns_the_horizontal_offset_around():
    original = output()
    mirrored = mirror_output(original)
    np.testing.assert_array_equal(
        mirrored.semantic_logits, original.semantic_logits[:, :, ::-1]
    )
    np.testing.assert_array_equal(
        mirrored.center_heatmap, original.center_heatmap[:, :, ::-1]
    )
    dy, dx = tf.unstack(original.offset_map, axis=-1)
    np.testing.assert_array_equal(mirrored.offset_map[..., 0], dy[:, :, ::-1])
    np.testing.assert_array_equal(mirrored.offset_map[..., 1], -dx[:, :, ::-1])
    for ours, theirs in zip(mirror_output(mirrored), original, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_probabilities_are_those_of_the_resized_logits():
    logits = tf.constant([[[[0.0, 0.0]], [[0.0, 2 * np.log(3.0)]]]], tf.float32)
    assert logits.shape == [1, 2, 1, 2]
    heatmap = tf.zeros([1, 2, 1])
    one = CenterOffsetOutput(logits, heatmap, tf.zeros([1, 2, 1, 2]))
    prediction = to_prediction(one, (3, 1))
    # In the middle the logits are 0 and log 3; the mean of probabilities differs.
    np.testing.assert_allclose(
        prediction.semantic_probs[0, :, 0, 1], [0.5, 0.75, 0.9], rtol=1e-6
    )
    assert present(prediction).keys() == {
        "semantic_logits",
        "semantic_probs",
        "center_heatmap",
        "offset_map",
    }


def test_the_class_of_an_image_has_no_size():
    prediction = to_prediction(ClassOutput(tf.constant([[0.0, np.log(3.0)]])), (7, 9))
    np.testing.assert_allclose(prediction.class_probs, [[0.25, 0.75]], rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_average(count):
    runs = [
        Prediction(semantic_probs=tf.fill([1, 2, 2, 1], float(i))) for i in range(count)
    ]
    mean = average(runs)
    assert present(mean).keys() == {"semantic_probs"}
    np.testing.assert_allclose(
        mean.semantic_probs, np.full((1, 2, 2, 1), (count - 1) / 2)
    )


@pytest.mark.parametrize(
    "field", ["pixel_space_mask_logits", "transformer_class_logits", "panoptic_pred"]
)
def test_what_has_no_mean_is_not_averaged(field):
    run = Prediction(**{field: tf.zeros([1, 2, 2])})
    assert average([run]) is run
    with pytest.raises(
        ValueError, match=f"eval_scales and add_flip.*{field} cannot be averaged"
    ):
        average([run, run])
