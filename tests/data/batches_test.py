"""Batches in two parts, and what fills up their smaller images."""

import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import EXAMPLE_FIELDS, Batch
from deeplab.data.batches import in_two_parts, padding_values

INFO = DatasetInfo(
    "two",
    (ClassInfo(0, "a", False, (0, 0, 0), 0), ClassInfo(1, "b", True, (1, 1, 1), 1)),
    num_classes=2,
    ignore_label=9,
    label_divisor=100,
    is_depth=True,
    ignore_depth=-5.0,
)


def test_every_field_is_on_one_side():
    batch = in_two_parts(dict.fromkeys(EXAMPLE_FIELDS, 1))
    assert not batch.device.keys() & batch.host.keys()
    assert batch.device.keys() | batch.host.keys() == set(EXAMPLE_FIELDS)
    some = in_two_parts({"image": 1, "size_raw": 2, "class_gt": 3, "frame_id": 4})
    assert some == Batch({"image": 1, "class_gt": 3}, {"size_raw": 2, "frame_id": 4})


def test_padding_says_nothing():
    dtypes = {
        "image": tf.float32,
        "semantic_gt": tf.int32,
        "panoptic_gt": tf.int32,
        "thing_id_mask_gt": tf.int32,
        "depth_gt": tf.float32,
        "is_crowd_gt": tf.bool,
        "semantic_loss_weight": tf.float32,
        "semantic_raw": tf.int32,
        "next_panoptic_raw": tf.int32,
        "depth_raw": tf.float32,
        "image_filename": tf.string,
    }
    specs = {name: tf.TensorSpec([], dtype) for name, dtype in dtypes.items()}
    values = padding_values(in_two_parts(specs), INFO)
    fields = {**values.device, **values.host}
    assert {name: value.dtype for name, value in fields.items()} == dtypes
    assert {name: value.numpy() for name, value in fields.items()} == {
        "image": 127.5,
        "semantic_gt": 9,
        "panoptic_gt": 900,
        "thing_id_mask_gt": -1,
        "depth_gt": -5.0,
        "is_crowd_gt": False,
        "semantic_loss_weight": 0.0,
        "semantic_raw": 9,
        "next_panoptic_raw": 900,
        "depth_raw": -5.0,
        "image_filename": b"",
    }
