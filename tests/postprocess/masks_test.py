"""Masks on a row of pixels, small enough to follow by eye."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Channels are 1 (a thing), 0, 2 and "no object".
INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, str(i), i == 1, (0, 0, 0), i) for i in range(3)),
    num_classes=3,
    ignore_label=255,
    label_divisor=10,
)
VOID = 2550
MASKWISE = {
    "transformer_class_confidence_threshold_thing": 0.6,
    "transformer_class_confidence_threshold_stuff": 0.6,
    "overlapping_threshold": 0.5,
    "reorder_class_weight": 1.0,
    "reorder_mask_weight": 0.0,
}


def run(probs, classes, way="pixelwise", size=None, **options):
    """Returns the prediction of one image.

    Args:
      probs: [pixels, slots], what the masks are at each pixel of the row.
      classes: (channel, confidence) of each mask; "no object" has the rest.
      way: of post-processing.
      size: (height, width) of the image; that of the masks when None.
      **options: further ones of the evaluator.
    """
    class_probs = np.full([len(classes), 4], 1e-6)
    for slot, (channel, confidence) in enumerate(classes):
        class_probs[slot, channel] = confidence
        class_probs[slot, 3] = max(1.0 - confidence, 1e-6)
    evaluator = EvaluatorOptions(
        transformer_post_processing=way,
        transformer_class_confidence_threshold=0.6,
        pixel_confidence_threshold=0.4,
        maskwise_postprocessing=EvaluatorOptions.MaskwisePostProcessingOptions(
            **{**MASKWISE, **options.pop("maskwise", {})}
        ),
        **options,
    )
    prediction = Prediction(
        pixel_space_mask_logits=tf.constant(np.log(probs)[None, None], tf.float32),
        transformer_class_logits=tf.constant(np.log(class_probs)[None], tf.float32),
    )
    images = tf.zeros([1, *(size or (1, len(probs))), 3])
    result = POSTPROCESSORS.get("masks")(evaluator, INFO)(prediction, images)
    return {
        name: getattr(result, name)[0, 0].numpy()
        for name in (
            "panoptic_pred",
            "semantic_pred",
            "instance_pred",
            "instance_scores",
            "semantic_scores",
        )
    }


# A thing, another thing, and two masks of the same stuff.
PROBS = np.array(
    [
        [0.85, 0.05, 0.05, 0.05],
        [0.30, 0.60, 0.05, 0.05],
        [0.35, 0.30, 0.20, 0.15],
        [0.05, 0.05, 0.80, 0.10],
        [0.05, 0.05, 0.10, 0.80],
    ]
)
CLASSES = [(0, 0.9), (0, 0.8), (1, 0.7), (1, 0.75)]


@pytest.mark.parametrize("way", ["pixelwise", "maskwise"])
def test_things_have_numbers_and_stuff_has_none(way):
    """No mask is sure of the third pixel; its class is that of the best mask."""
    result = run(PROBS, CLASSES, way)
    np.testing.assert_array_equal(result["panoptic_pred"], [11, 12, VOID, 0, 0])
    np.testing.assert_array_equal(result["semantic_pred"], [1, 1, 1, 0, 0])
    np.testing.assert_allclose(
        result["instance_scores"], [0.85, 0.6, 0.35, 0.8, 0.8], rtol=1e-4
    )
    unsure = {"pixelwise": 0.9, "maskwise": 0.0}[way]
    np.testing.assert_allclose(
        result["semantic_scores"], [0.9, 0.8, unsure, 0.7, 0.75], rtol=1e-4
    )


def test_pixelwise_masks_of_unsure_classes_leave_a_hole():
    """The second mask counts no more; its pixel goes to nobody.

    Without it, the first one has 0.35 of 0.7 at the third pixel.
    """
    result = run(PROBS, [(0, 0.9), (0, 0.5), (1, 0.7), (1, 0.75)])
    np.testing.assert_array_equal(result["panoptic_pred"], [11, VOID, 11, 0, 0])
    np.testing.assert_allclose(result["instance_scores"][2], 0.5, rtol=1e-4)


@pytest.mark.parametrize("way", ["pixelwise", "maskwise"])
def test_no_sure_mask_is_all_void(way):
    result = run(PROBS, [(0, 0.5)] * 4, way)
    np.testing.assert_array_equal(result["panoptic_pred"], [VOID] * 5)
    np.testing.assert_array_equal(result["instance_pred"], [1] * 5)
    np.testing.assert_array_equal(result["semantic_scores"], [0] * 5)
    # Without thresholds.
    np.testing.assert_array_equal(result["semantic_pred"], [1] * 5)


@pytest.mark.parametrize("way", ["pixelwise", "maskwise"])
def test_small_regions_become_void(way):
    """A thing needs 2 pixels and has 1; stuff needs 2 and has them, in two masks."""
    limits = {"thing_area_limit": 2, "stuff_area_limit": 2}
    result = run(PROBS, CLASSES, way, **limits)
    np.testing.assert_array_equal(result["panoptic_pred"], [VOID, VOID, VOID, 0, 0])
    result = run(PROBS, CLASSES, way, stuff_area_limit=3)
    assert result["panoptic_pred"][3] == VOID


# Both masks are sure of the middle pixels.
OVERLAP = np.array(
    [[0.9, 0.1], [0.55, 0.45], [0.45, 0.55], [0.1, 0.9], [0.1, 0.9]], float
)


def test_maskwise_the_surer_mask_lies_on_top():
    """Mask 1 comes first by its class and has pixels 1 to 4; mask 0 keeps one of 3."""
    classes = [(0, 0.7), (0, 0.9)]
    some = {"overlapping_threshold": 0.3}
    result = run(OVERLAP, classes, "maskwise", maskwise=some)
    np.testing.assert_array_equal(result["panoptic_pred"], [12, 11, 11, 11, 11])
    # A third is less than a half: the whole mask is left out.
    result = run(OVERLAP, classes, "maskwise")
    np.testing.assert_array_equal(result["panoptic_pred"], [VOID, 11, 11, 11, 11])


def test_maskwise_the_order_may_heed_the_masks():
    """Mask 0 is 1.9 / 3 sure of its pixels and mask 1 2.8 / 4, with equal classes."""
    classes = [(0, 0.8), (0, 0.8)]
    weights = {"overlapping_threshold": 0.1, "reorder_mask_weight": 1.0}
    result = run(OVERLAP, classes, "maskwise", maskwise=weights)
    np.testing.assert_array_equal(result["panoptic_pred"], [12, 11, 11, 11, 11])
    # By class alone they tie, and the first one comes first.
    weights["reorder_mask_weight"] = 0.0
    result = run(OVERLAP, classes, "maskwise", maskwise=weights)
    np.testing.assert_array_equal(result["panoptic_pred"], [11, 11, 11, 12, 12])


def test_thresholds_of_things_and_stuff_differ():
    probs = np.array([[0.9, 0.1], [0.1, 0.9]])
    strict = {"transformer_class_confidence_threshold_thing": 0.8}
    result = run(probs, [(0, 0.7), (2, 0.7)], "maskwise", maskwise=strict)
    np.testing.assert_array_equal(result["panoptic_pred"], [VOID, 20])


def test_more_masks_than_the_divisor_has_numbers():
    probs = np.full([12, 12], 1e-4) + np.eye(12)
    result = run(probs, [(0, 0.9)] * 12)
    expected = [*range(11, 20), VOID, VOID, VOID]
    np.testing.assert_array_equal(result["panoptic_pred"], expected)


def test_masks_are_enlarged_before_they_are_compared():
    """Between ln 9 and -ln 9 the middle of three pixels is even."""
    probs = np.array([[0.9, 0.1], [0.1, 0.9]])
    result = run(probs, [(0, 0.9), (1, 0.9)], size=(1, 5))
    np.testing.assert_array_equal(result["semantic_pred"], [1, 1, 1, 0, 0])
    np.testing.assert_allclose(result["instance_scores"][2], 0.5, rtol=1e-4)


def test_other_classes_and_ways_are_refused():
    with pytest.raises(ValueError, match="choose one of pixelwise, maskwise"):
        run(PROBS, CLASSES, "slotwise")
    with pytest.raises(ValueError, match="thing_area_limit must be at least 0"):
        run(PROBS, CLASSES, thing_area_limit=-1)
    postprocess = POSTPROCESSORS.get("masks")(EvaluatorOptions(), INFO)
    with pytest.raises(ValueError, match="7 channels, but the data set has 3"):
        postprocess(
            Prediction(
                pixel_space_mask_logits=tf.zeros([1, 2, 2, 5]),
                transformer_class_logits=tf.zeros([1, 5, 7]),
            ),
            tf.zeros([1, 2, 2, 3]),
        )
