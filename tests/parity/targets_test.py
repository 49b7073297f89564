"""Sizes and targets equal the published ones on the recorded images and labels."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example
from deeplab.data.geometry import Resizing
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import PipelineConfig
from deeplab.data.targets.motion import frame_offsets
from deeplab.data.targets.segments import Segments, TargetOptions
from deeplab.data.tfexample import encode_example
from deeplab.datasets import DATASETS

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
    "resize": {},
    "small_weights": {
        "target_options": TargetOptions(
            small_instance_threshold=200, small_instance_weight=3.0
        )
    },
}
THING_MASKS = {"target_options": TargetOptions(max_thing_id=32)}
# Published as another type.
RETYPED = {"size_raw", "thing_id_class_gt"}
FLOATS = {"image", "instance_center_gt"}


def load(variant):
    with np.load(RECORDS / f"targets_{variant}.npz") as file:
        return dict(file)


def png(image):
    return tf.io.encode_png(image).numpy()


def write(path, record, **fields):
    label = record["input_label"][..., 0]
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(
            encode_example(
                image=png(record["input_image"]),
                image_format="png",
                filename="recorded",
                height=label.shape[0],
                width=label.shape[1],
                label=label,
                **fields,
            )
        )


def evaluated(config, info, targets):
    """Returns the fields of the only example, NumPy arrays without batch dimension."""
    batches = build_pipeline(
        config, info, training=False, targets=targets, batch_size=1, seed=1
    )
    example = Example(**next(iter(batches)))
    return Example(*(None if f is None else f[0].numpy() for f in example))


def assert_equal(example, record, names):
    for name in names:
        value, expected = getattr(example, name), record[name]
        if name.startswith("depth"):
            expected = expected[..., 0]
        assert value.dtype == expected.dtype or name in RETYPED
        if name in FLOATS:
            np.testing.assert_allclose(value, expected, atol=2e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(value, expected, err_msg=name)


@pytest.mark.parametrize(
    ("variant", "crop_size"),
    [*((variant, (65, 97)) for variant in VARIANTS), ("same_size", None)],
)
def test_evaluation_example_equals_published(variant, crop_size, tmp_path):
    record = load(variant)
    path = tmp_path / "record.tfrecord"
    write(path, record)
    size = (65, 97) if variant == "resize" else ()
    resizing = Resizing(crop_size, 32, min_resize_value=size, max_resize_value=size)
    config = PipelineConfig((str(path),), resizing, **VARIANTS[variant])
    example = evaluated(config, INFO, ["semantic", "centers"])
    fields = [name for name in Example._fields if name in record]
    assert len(fields) == 13
    assert_equal(example, record, fields)
    resized = example.resized_size
    assert tuple(resized) == record["resized_image"].shape[:2]
    shown = example.image[: resized[0], : resized[1]]
    np.testing.assert_allclose(shown, record["resized_image"], atol=2e-5)


def test_thing_masks_equal_published(tmp_path):
    record = load("thing_mask")
    path = tmp_path / "record.tfrecord"
    write(path, record)
    config = PipelineConfig((str(path),), Resizing((65, 97), 32), **THING_MASKS)
    example = evaluated(config, INFO, ["semantic", "centers", "thing_masks"])
    fields = [name for name in Example._fields if name in record]
    assert len(fields) == 15
    assert_equal(example, record, fields)


def test_next_frame_and_depth_equal_published(tmp_path):
    record = load("vip_deeplab")
    path = tmp_path / "record.tfrecord"
    write(
        path,
        record,
        next_image=png(record["input_next_image"]),
        next_label=record["input_next_label"][..., 0],
        depth=png(record["input_depth"].astype(np.uint16)),
    )
    config = PipelineConfig((str(path),), Resizing((65, 97), 32), next_frame=True)
    info = DATASETS.get("cityscapes_dvps")().info
    example = evaluated(config, info, ["semantic", "centers", "next_frame", "depth"])
    fields = [name for name in Example._fields if name in record]
    assert len(fields) == 18
    assert_equal(example, record, fields)


def test_previous_frame_equals_published(tmp_path):
    """The record moves the previous centres at random: those are taken from it."""
    record = load("motion_deeplab")
    label, before = (record[f"input_{n}"][..., 0] for n in ("label", "prev_label"))
    path = tmp_path / "record.tfrecord"
    write(
        path,
        record,
        previous_image=png(record["input_prev_image"]),
        previous_label=before,
    )
    config = PipelineConfig((str(path),), Resizing((65, 97), 32), previous_frame=True)
    info = DATASETS.get("kitti_step")().info
    example = evaluated(config, info, ["semantic", "centers", "motion"])
    random = {"frame_offset_gt", "frame_regression_loss_weight"}
    fields = [n for n in Example._fields if n in record and n not in random]
    assert len(fields) == 13
    assert_equal(example, record, fields)

    previous = Segments(tf.constant(before), info)
    centers = previous.center.numpy()
    pixels = np.stack(np.mgrid[:65, :97], axis=-1)
    for i, (value, extent) in enumerate(
        zip(previous.ids.numpy(), previous.extent.numpy(), strict=True)
    ):
        seen = (label == value) & (record["frame_regression_loss_weight"] > 0)
        if seen.any():
            center = (record["frame_offset_gt"] + pixels)[seen][0]
            # Five standard deviations, and the rounding.
            assert (np.abs(center - centers[i]) <= 0.25 * extent + 1).all()
            centers[i] = center
    made = frame_offsets(Segments(tf.constant(label), info), previous, centers)
    for name in random:
        np.testing.assert_array_equal(made[name], record[name], err_msg=name)
