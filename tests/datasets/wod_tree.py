"""Draws a segment of the Waymo Open Dataset, version 2: two cameras, two frames."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.data import tfexample
from deeplab.data.encoded_depth import encode_depth
from deeplab.data.tfexample import encode_example
from deeplab.datasets import DATASETS

CAMERAS = {1: "front", 5: "side_right"}
TIMES = (1000, 2000)
# Of a car and a person, who are called 1 and 2, then 2 and 1 in the files.
GLOBAL_IDS = (4321, 77)


def label_of(camera, time):
    """The label worked out by hand: road, a car, a person, cars without an id."""
    del camera, time
    label = np.full((8, 12), 20 * 100000, np.int32)
    label[:2, :6] = 2 * 100000 + GLOBAL_IDS[0]
    label[2:4, :3] = 9 * 100000 + GLOBAL_IDS[1]
    label[4:6, :6] = 2 * 100000
    return label


def wod_tree(root, split="training", **changes):
    """Writes the two files of the segment `s1`.

    Args:
      root: folder for them.
      split: name of the folder.
      **changes: of `camera` (the only one), `label` (bytes), `local` (ids),
        `class_id` (in place of the car's) and `images` (a list).
    """
    import pyarrow
    from pyarrow import parquet

    cameras = [changes["camera"]] if "camera" in changes else list(CAMERAS)
    # Not in order, as nothing says that they are.
    keys = [(t, c) for t in reversed(TIMES) for c in cameras]
    images = [_image(i) for i in range(len(keys))]
    shown = keys if "images" not in changes else []
    # Most images have no label.
    rows = {
        "key.frame_timestamp_micros": [3000, *(t for t, _ in shown)],
        "key.camera_name": [1, *(c for _, c in shown)],
        "[CameraImageComponent].image": [b"never read", *images[: len(shown)]],
    }
    _write(root / split / "camera_image/s1.parquet", pyarrow.table(rows), parquet)
    prefix = "[CameraSegmentationLabelComponent]"
    mapping = f"{prefix}.instance_id_to_global_id_mapping"
    local = [_local_ids(time) for time, _ in keys]
    stored = [_label(ids, changes.get("class_id", 2)) for ids in local]
    rows = {
        "key.frame_timestamp_micros": [t for t, _ in keys],
        "key.camera_name": [c for _, c in keys],
        f"{prefix}.panoptic_label_divisor": [1000] * len(keys),
        f"{prefix}.panoptic_label": [changes.get("label", data) for data in stored],
        f"{prefix}.sequence_id": ["777"] * len(keys),
        f"{mapping}.local_instance_ids": [changes.get("local", ids) for ids in local],
        f"{mapping}.global_instance_ids": [list(GLOBAL_IDS)] * len(keys),
    }
    _write(
        root / split / "camera_segmentation/s1.parquet", pyarrow.table(rows), parquet
    )


def wod_records(path, multi_camera):
    """Writes two frames as published: with the frame after, depth, or all cameras."""
    names = DATASETS.get("wod_pvps_image_panoptic_seg_multicam")().info.camera_names
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number, time in enumerate(TIMES):
            serialized = encode_example(
                image=_image(number),
                image_format="jpeg",
                filename=f"frame {time}",
                height=8,
                width=12,
                label=label_of(1, time),
                next_image=_image(number + 1),
                next_label=label_of(1, time),
                sequence_id="777",
                frame_id=f"{time:06d}",
                depth=encode_depth(np.full((8, 12), 5.0, np.float32)),
            )
            features = tf.train.Example.FromString(serialized).features.feature
            if multi_camera:
                for key, prefix in tfexample._PER_CAMERA.items():
                    for camera in names:
                        features[prefix + camera].CopyFrom(features[key])
                    del features[key]
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def _local_ids(time):
    return [1, 2] if time == TIMES[0] else [2, 1]


def _label(ids, car_class):
    label = np.full((8, 12), 20 * 1000, np.uint16)
    label[:2, :6] = car_class * 1000 + ids[0]
    label[2:4, :3] = 9 * 1000 + ids[1]
    # One without an id, and one that is no object of the sequence.
    label[4:6, :3] = car_class * 1000
    label[4:6, 3:6] = car_class * 1000 + 30
    buffer = io.BytesIO()
    Image.fromarray(label).save(buffer, "PNG")
    return buffer.getvalue()


def _image(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 12, 3))
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def _write(path, table, parquet):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
