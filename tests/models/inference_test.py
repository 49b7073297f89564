import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.models.inference import Inference, undo_preprocessing

SHOWN = (7, 5)
SIZES = [SHOWN, (13, 9), (14, 11), (4, 3), (1, 1)]


def nearest(values, size):
    """Nearest pixels, corners on each other; a half rounds up."""
    rows, columns = (
        [int(i * (old - 1) / max(new - 1, 1) + 0.5) for i in range(new)]
        for old, new in zip(values.shape[:2], size, strict=True)
    )
    return values[rows][:, columns]


def bilinear(values, size):
    """Linear along one axis, then along the other, corners on each other."""
    for axis, new in enumerate(size):
        old = values.shape[axis]
        at = np.arange(new) * (old - 1) / max(new - 1, 1)
        low = np.minimum(at.astype(int), old - 1)
        high = np.minimum(low + 1, old - 1)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values


def random_prediction(seed=0):
    rng = np.random.default_rng(seed)
    floats = {
        "semantic_logits": (2, 9, 17, 3),
        "semantic_probs": (2, 9, 17, 3),
        "center_heatmap": (2, 9, 17),
        "offset_map": (2, 9, 17, 2),
        "instance_center_pred": (2, 9, 17),
        "instance_scores": (2, 9, 17),
    }
    fields = {k: rng.normal(size=s).astype(np.float32) for k, s in floats.items()}
    for name in ("semantic_pred", "panoptic_pred", "instance_pred"):
        fields[name] = rng.integers(0, 255000, (2, 9, 17), np.int32)
    return fields


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("compiled", [False, True])
def test_undoing_crops_and_resizes_each_field_by_its_rule(size, compiled):
    fields = random_prediction()
    function = tf.function(undo_preprocessing) if compiled else undo_preprocessing
    undone = function(
        Prediction(**{k: tf.constant(v) for k, v in fields.items()}),
        tf.constant(SHOWN),
        tf.constant(size),
    )
    factors = [(n - 1) / (o - 1) for n, o in zip(size, SHOWN, strict=True)]
    for name, values in fields.items():
        smooth = name in ("semantic_logits", "semantic_probs", "center_heatmap")
        resize = bilinear if smooth or name == "offset_map" else nearest
        for row in range(2):
            expected = resize(values[row, : SHOWN[0], : SHOWN[1]], size)
            if name == "offset_map":
                expected = expected * factors
            actual = getattr(undone, name)[row].numpy()
            assert actual.dtype == values.dtype, name
            np.testing.assert_allclose(actual, expected, atol=1e-5, err_msg=name)


def test_a_resized_offset_points_to_the_same_place():
    rows, columns = np.mgrid[:7, :5].astype(np.float32)
    offsets = np.stack([2 - rows, 3 - columns], -1)[None]
    undone = undo_preprocessing(
        Prediction(offset_map=tf.constant(offsets)),
        tf.constant([7, 5]),
        tf.constant([13, 17]),
    )
    rows, columns = np.mgrid[:13, :17]
    moved = undone.offset_map[0].numpy() + np.stack([rows, columns], -1)
    np.testing.assert_allclose(moved, np.broadcast_to([4, 12], moved.shape), atol=1e-5)


def test_absent_fields_stay_absent():
    undone = undo_preprocessing(
        Prediction(semantic_pred=tf.zeros([1, 3, 3], tf.int32)),
        tf.constant([2, 2]),
        tf.constant([4, 4]),
    )
    assert [k for k, v in undone._asdict().items() if v is not None] == [
        "semantic_pred"
    ]


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
    outputs = Inference(model, preprocess).images(tf.constant(images))
    assert set(outputs) == {"semantic_pred", "semantic_probs"}
    np.testing.assert_array_equal(outputs["semantic_pred"], images[..., 0])


@pytest.mark.parametrize("compiled", [False, True])
def test_encoded_images_of_several_sizes_lie_in_the_upper_left(compiled):
    images = [random_images(*size) for size in [(5, 7), (20, 3), (9, 17), (1, 1)]]
    encoded = tf.stack([tf.io.encode_png(image) for image in images])
    function = Inference(model, preprocess, ["semantic_pred"]).encoded
    outputs = (tf.function(function) if compiled else function)(encoded)
    assert set(outputs) == {"semantic_pred", "image_size"}
    assert outputs["semantic_pred"].shape == (4, 20, 17)
    for row, image in enumerate(images):
        height, width = outputs["image_size"][row].numpy()
        assert (height, width) == image.shape[:2]
        shown = outputs["semantic_pred"][row].numpy()
        np.testing.assert_array_equal(shown[:height, :width], image[..., 0])
        assert not shown[height:].any()
        assert not shown[:, width:].any()


def test_images_of_a_batch_do_not_depend_on_each_other():
    def mean(inputs, training):
        """Predicts for every pixel the mean of the whole input."""
        value = tf.reduce_mean(inputs, axis=[1, 2, 3], keepdims=True)[..., 0]
        return Prediction(center_heatmap=value + 0 * inputs[..., 0])

    inference = Inference(mean, preprocess)
    images = [random_images(*size) for size in [(5, 7), (20, 30), (9, 17)]]
    files = [tf.io.encode_png(image) for image in images]
    together = inference.encoded(tf.stack(files))["center_heatmap"]
    for row, image in enumerate(images):
        alone = inference.encoded(tf.stack(files[row : row + 1]))["center_heatmap"][0]
        height, width = image.shape[:2]
        np.testing.assert_array_equal(together[row, :height, :width], alone)
    # The first is padded to 9 x 17 with the mean pixel, and no further.
    grey = 127.5 * (9 * 17 - 5 * 7) * 3
    expected = (images[0].sum(dtype=float) + grey) / (9 * 17 * 3)
    np.testing.assert_allclose(together[0, 0, 0], expected, rtol=1e-6)


def test_fields_that_do_not_exist_are_refused():
    with pytest.raises(
        ValueError, match=r"no field semantic_prediction.*semantic_pred"
    ):
        Inference(model, preprocess, ["semantic_prediction"])
    with pytest.raises(
        ValueError, match=r"does not predict panoptic_pred.*semantic_pr"
    ):
        Inference(model, preprocess, ["panoptic_pred"]).images(random_images(1, 2, 2))
