"""The post-processing of masks equals the published one, both ways."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.mask_merging import classify_masks
from deeplab.postprocess.masks_maskwise import MaskwiseOptions, maskwise_regions
from deeplab.postprocess.masks_pixelwise import pixelwise_regions
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

RECORD = Path(__file__).parent / "records/components/postprocess_max_deeplab.npz"
SIZE = (65, 97)
OUTPUTS = {
    "panoptic_pred": "panoptic",
    "instance_pred": "mask_id",
    "instance_scores": "instance_score",
    "semantic_scores": "semantic_score",
}


@pytest.fixture(scope="module")
def record():
    with np.load(RECORD) as file:
        return dict(file)


@pytest.fixture(scope="module")
def info():
    return DatasetInfo(
        name="record",
        classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
        num_classes=19,
        ignore_label=255,
        label_divisor=1000,
    )


@pytest.mark.parametrize("way", ["pixelwise", "maskwise"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_equals_published(record, info, way, jit_compile):
    options = EvaluatorOptions(
        thing_area_limit=int(record["thing_area_limit"]),
        stuff_area_limit=int(record["stuff_area_limit"]),
        pixel_confidence_threshold=float(record["pixel_confidence_threshold"]),
        transformer_class_confidence_threshold=float(
            record["transformer_class_confidence_threshold"]
        ),
        transformer_post_processing=way,
    )
    for field in options.maskwise_postprocessing.DESCRIPTOR.fields_by_name:
        setattr(options.maskwise_postprocessing, field, float(record[field]))
    postprocess = POSTPROCESSORS.get("masks")(options, info)
    prediction = Prediction(
        pixel_space_mask_logits=tf.constant(record["mask_logits"]),
        transformer_class_logits=tf.constant(record["class_logits"]),
    )
    run = tf.function(lambda p: postprocess(p, SIZE), jit_compile=jit_compile)
    result = run(prediction)
    for field, name in OUTPUTS.items():
        value = getattr(result, field).numpy()
        published = record[f"{name}_{way}"][0]
        assert value.dtype == published.dtype
        if value.dtype == np.float32:
            np.testing.assert_allclose(value, published, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(value, published, err_msg=name)


def test_the_class_of_each_mask_equals_published(record, info):
    classes = classify_masks(tf.constant(record["class_logits"]))
    coarse = tf.constant(record["mask_logits"])
    logits = tf.compat.v1.image.resize_bilinear(coarse, SIZE, align_corners=True)
    threshold = float(record["pixel_confidence_threshold"])
    found = {
        "pixelwise": pixelwise_regions(
            logits, classes, class_threshold=0.7, pixel_threshold=threshold
        ),
        "maskwise": maskwise_regions(
            coarse,
            logits,
            classes,
            num_thing_classes=len(info.thing_ids),
            options=MaskwiseOptions(0.6, 0.5, 0.7, 1.0, 1.0, threshold),
        ),
    }
    class_ids = np.array([*info.thing_ids, *info.stuff_ids])
    for way, regions in found.items():
        channel = tf.gather(regions.channel, regions.index, batch_dims=1)
        np.testing.assert_array_equal(
            class_ids[channel], record[f"semantic_{way}"][0], err_msg=way
        )
