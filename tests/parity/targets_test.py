"""Sizes and targets equal the published ones on the recorded images and labels."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import PipelineConfig
from deeplab.data.targets.segments import TargetOptions
from deeplab.data.tfexample import encode_example

RECORDS = Path(__file__).parent / "records/components"
INFO = DatasetInfo(
    name="record",
    classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)
VARIANTS = {
    "same_size": {},
    "pad": {},
    "resize": {"min_resize_value": (65, 97), "max_resize_value": (65, 97)},
    "small_weights": {
        "target_options": TargetOptions(
            small_instance_threshold=200, small_instance_weight=3.0
        )
    },
}
THING_MASKS = {"target_options": TargetOptions(max_thing_id=32)}
FLOATS = {"image", "instance_center_gt"}


@pytest.mark.parametrize(
    ("variant", "crop_size"),
    [*((variant, (65, 97)) for variant in VARIANTS), ("same_size", None)],
)
def test_evaluation_example_equals_published(variant, crop_size, tmp_path):
    options = VARIANTS[variant]
    assert compare(variant, options, ["semantic", "centers"], crop_size, tmp_path) == 13


def test_thing_masks_equal_published(tmp_path):
    targets = ["semantic", "centers", "thing_masks"]
    assert compare("thing_mask", THING_MASKS, targets, (65, 97), tmp_path) == 15


def compare(variant, options, targets, crop_size, tmp_path):
    """Compares an example with a record; returns the number of fields compared."""
    with np.load(RECORDS / f"targets_{variant}.npz") as file:
        record = dict(file)
    image, label = record["input_image"], record["input_label"][..., 0]
    path = tmp_path / "record.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(
            encode_example(
                image=tf.io.encode_png(image).numpy(),
                image_format="png",
                filename="recorded",
                height=label.shape[0],
                width=label.shape[1],
                label=label,
            )
        )
    config = PipelineConfig((str(path),), crop_size, 32, **options)
    batches = build_pipeline(
        config,
        INFO,
        training=False,
        targets=targets,
        batch_size=1,
        seed=1,
    )
    example = Example(**next(iter(batches)))
    fields = [name for name in Example._fields if name in record]
    # Published as another type.
    retyped = {"size_raw", "thing_id_class_gt"}
    for name in fields:
        value = getattr(example, name)[0].numpy()
        assert value.dtype == record[name].dtype or name in retyped
        if name in FLOATS:
            np.testing.assert_allclose(value, record[name], atol=2e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(value, record[name], err_msg=name)
    resized = example.resized_size[0].numpy()
    assert tuple(resized) == record["resized_image"].shape[:2]
    shown = example.image[0, : resized[0], : resized[1]].numpy()
    np.testing.assert_allclose(shown, record["resized_image"], atol=2e-5)
    return len(fields)
