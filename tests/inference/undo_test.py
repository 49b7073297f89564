import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Prediction, present
from deeplab.inference.undo import undo_preprocessing

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
    assert set(present(undone)) == {"semantic_pred"}


def test_what_is_no_map_of_the_image_is_left_out():
    undone = undo_preprocessing(
        Prediction(
            semantic_pred=tf.zeros([1, 3, 3], tf.int32),
            pixel_space_mask_logits=tf.zeros([1, 2, 2, 5]),
            auxiliary_semantic_logits=tf.zeros([1, 1, 1, 4]),
            class_probs=tf.constant([[0.25, 0.75]]),
        ),
        tf.constant([2, 2]),
        tf.constant([4, 4]),
    )
    assert set(present(undone)) == {"semantic_pred", "class_probs"}
    np.testing.assert_array_equal(undone.class_probs, [[0.25, 0.75]])
