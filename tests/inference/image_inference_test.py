import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Prediction, present
from deeplab.inference.image_inference import ImageInference


def preprocess(image):
    """Pads to 9 x 17, larger images not at all."""
    size = tf.shape(image)[:2]
    padding = tf.maximum(size, [9, 17]) - size
    image = tf.pad(
        tf.cast(image, tf.float32),
        [[0, padding[0]], [0, padding[1]], [0, 0]],
        constant_values=127.5,
    )
    return image, size


def model(images, training):
    """Predicts the red channel; probabilities say whether the image was padded."""
    assert not training
    return Prediction(
        semantic_pred=tf.cast(images[..., 0], tf.int32), semantic_probs=images
    )


def random_images(*shape):
    return np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)


def test_a_batch_of_one_size():
    images = random_images(3, 5, 7)
    outputs = ImageInference(model, preprocess).images(tf.constant(images))
    assert set(present(outputs)) == {"semantic_pred", "semantic_probs"}
    np.testing.assert_array_equal(outputs.semantic_pred, images[..., 0])


@pytest.mark.parametrize("compiled", [False, True])
def test_encoded_images_of_several_sizes_lie_in_the_upper_left(compiled):
    images = [random_images(*size) for size in [(5, 7), (20, 3), (9, 17), (1, 1)]]
    encoded = tf.stack([tf.io.encode_png(image) for image in images])
    function = ImageInference(model, preprocess, ["semantic_pred"]).encoded
    outputs, sizes = (tf.function(function) if compiled else function)(encoded)
    assert set(present(outputs)) == {"semantic_pred"}
    assert outputs.semantic_pred.shape == (4, 20, 17)
    for row, image in enumerate(images):
        height, width = sizes[row].numpy()
        assert (height, width) == image.shape[:2]
        shown = outputs.semantic_pred[row].numpy()
        np.testing.assert_array_equal(shown[:height, :width], image[..., 0])
        assert not shown[height:].any()
        assert not shown[:, width:].any()


def test_images_of_a_batch_do_not_depend_on_each_other():
    def mean(inputs, training):
        """Predicts for every pixel the mean of the whole input."""
        value = tf.reduce_mean(inputs, axis=[1, 2, 3], keepdims=True)[..., 0]
        return Prediction(center_heatmap=value + 0 * inputs[..., 0])

    inference = ImageInference(mean, preprocess)
    images = [random_images(*size) for size in [(5, 7), (20, 30), (9, 17)]]
    files = [tf.io.encode_png(image) for image in images]
    together = inference.encoded(tf.stack(files))[0].center_heatmap
    for row, image in enumerate(images):
        alone, _ = inference.encoded(tf.stack(files[row : row + 1]))
        height, width = image.shape[:2]
        np.testing.assert_array_equal(
            together[row, :height, :width], alone.center_heatmap[0]
        )
    # The first is padded to 9 x 17 with the mean pixel, and no further.
    grey = 127.5 * (9 * 17 - 5 * 7) * 3
    expected = (images[0].sum(dtype=float) + grey) / (9 * 17 * 3)
    np.testing.assert_allclose(together[0, 0, 0], expected, rtol=1e-6)


def test_fields_that_do_not_exist_are_refused():
    with pytest.raises(
        ValueError, match=r"no field semantic_prediction.*semantic_pred"
    ):
        ImageInference(model, preprocess, ["semantic_prediction"])
    with pytest.raises(
        ValueError, match=r"does not predict panoptic_pred.*semantic_pr"
    ):
        ImageInference(model, preprocess, ["panoptic_pred"]).images(
            random_images(1, 2, 2)
        )
