"""The post-processing of masks, both ways."""

import numpy as np
import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.mask_merging import classify_masks
from deeplab.postprocess.masks_maskwise import MaskwiseOptions, maskwise_regions
from deeplab.postprocess.masks_pixelwise import pixelwise_regions
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity.components.classes import classes_of
from tests.parity.records import compare

WAYS = ("pixelwise", "maskwise")
OUTPUTS = {
    "panoptic_pred": "panoptic",
    "instance_pred": "mask_id",
    "instance_scores": "instance_score",
    "semantic_scores": "semantic_score",
}
SCALARS = (
    "thing_area_limit",
    "stuff_area_limit",
    "pixel_confidence_threshold",
    "transformer_class_confidence_threshold",
)
MASKWISE = tuple(
    EvaluatorOptions().maskwise_postprocessing.DESCRIPTOR.fields_by_name.keys()
)
INPUTS = ("mask_logits", "class_logits", "thing_classes", *SCALARS, *MASKWISE)


def _classes(fields):
    # The last channel says that a mask shows nothing.
    return classes_of(fields, fields["class_logits"].shape[-1] - 1)


def _size(fields):
    return fields["panoptic_pixelwise"].shape[-2:]


def _maps(fields, way, jit_compile):
    options = EvaluatorOptions(transformer_post_processing=way)
    for name in SCALARS:
        setattr(options, name, fields[name].item())
    for name in MASKWISE:
        setattr(options.maskwise_postprocessing, name, fields[name].item())
    postprocess = POSTPROCESSORS.get("masks")(options, _classes(fields))
    run = tf.function(
        lambda prediction: postprocess(prediction, tf.zeros([1, *_size(fields), 3])),
        jit_compile=jit_compile,
    )
    result = run(
        Prediction(
            pixel_space_mask_logits=tf.constant(fields["mask_logits"]),
            transformer_class_logits=tf.constant(fields["class_logits"]),
        )
    )
    return {
        f"{name}_{way}": getattr(result, field).numpy()[np.newaxis]
        for field, name in OUTPUTS.items()
    }


def _semantics(fields):
    """Returns the class of each pixel's mask, whatever the area of the region."""
    info = _classes(fields)
    classes = classify_masks(tf.constant(fields["class_logits"]))
    coarse = tf.constant(fields["mask_logits"])
    logits = tf.compat.v1.image.resize_bilinear(
        coarse, _size(fields), align_corners=True
    )
    threshold = fields["pixel_confidence_threshold"].item()
    options = MaskwiseOptions(
        thing_threshold=fields["transformer_class_confidence_threshold_thing"].item(),
        stuff_threshold=fields["transformer_class_confidence_threshold_stuff"].item(),
        overlap_threshold=fields["overlapping_threshold"].item(),
        class_power=fields["reorder_class_weight"].item(),
        mask_power=fields["reorder_mask_weight"].item(),
        pixel_threshold=threshold,
    )
    found = {
        "pixelwise": pixelwise_regions(
            logits,
            classes,
            class_threshold=fields["transformer_class_confidence_threshold"].item(),
            pixel_threshold=threshold,
        ),
        "maskwise": maskwise_regions(
            coarse,
            logits,
            classes,
            num_thing_classes=len(info.thing_ids),
            options=options,
        ),
    }
    class_ids = np.array([*info.thing_ids, *info.stuff_ids], np.int32)
    return {
        f"semantic_{way}": class_ids[
            tf.gather(regions.channel, regions.index, batch_dims=1)
        ][np.newaxis]
        for way, regions in found.items()
    }


def compute(fields, *, jit_compile=False):
    """Returns the maps of the record that holds these inputs."""
    computed = _semantics(fields)
    for way in WAYS:
        computed |= _maps(fields, way, jit_compile)
    return computed


def check(record, _, *, jit_compile=False):
    """Compares every map: ids exactly, scores to within rounding."""
    computed = compute(record.fields, jit_compile=jit_compile)
    for name, value in computed.items():
        assert value.dtype == record.fields[name].dtype, name
    tolerances = {
        name: {"atol": 1e-5}
        for name, value in computed.items()
        if value.dtype == np.float32
    }
    compare(record.fields, computed, INPUTS, tolerances)
