"""Draws a segment of the Waymo Open Dataset, version 2: five cameras, two frames."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.data import tfexample
from deeplab.data.encoded_depth import encode_depth
from deeplab.data.tfexample import encode_example
from deeplab.datasets import DATASETS
from tests.datasets.waymo.wod_lidar_tree import camera_poses, write_lidar

CAMERAS = {1: "front", 2: "front_left", 3: "front_right", 4: "side_left"}
CAMERAS[5] = "side_right"
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
    """Writes the files of the segment `s1`.

    Args:
      root: folder for them.
      split: name of the folder.
      **changes: of `cameras` (their numbers), `unlabelled` ((time, camera) pairs),
        `sequences` (time -> name), `label` (bytes), `local` (ids), `class_id` (in
        place of the car's) and `images` (a list).
    """
    import pyarrow
    from pyarrow import parquet

    def write(component, columns):
        path = root / split / component / "s1.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Real files are unpacked in groups of some rows.
        parquet.write_table(pyarrow.table(columns), path, row_group_size=6)

    cameras = changes.get("cameras", list(CAMERAS))
    # Not in order, as nothing says that they are.
    keys = [(t, c) for t in reversed(TIMES) for c in cameras]
    images = [_image(i) for i in range(len(keys))]
    shown = keys if "images" not in changes else []
    # Most images have no label.
    rows = {
        "key.frame_timestamp_micros": [3000, *(t for t, _ in shown)],
        "key.camera_name": [1, *(c for _, c in shown)],
        "[CameraImageComponent].image": [b"never read", *images[: len(shown)]],
        "[CameraImageComponent].pose.transform": camera_poses(len(shown) + 1),
    }
    write("camera_image", rows)
    write_lidar(write, TIMES)
    keys = [key for key in keys if key not in changes.get("unlabelled", ())]
    prefix = "[CameraSegmentationLabelComponent]"
    mapping = f"{prefix}.instance_id_to_global_id_mapping"
    local = [_local_ids(time) for time, _ in keys]
    stored = [_label(ids, changes.get("class_id", 2)) for ids in local]
    sequences = dict.fromkeys(TIMES, "777") | changes.get("sequences", {})
    rows = {
        "key.frame_timestamp_micros": [t for t, _ in keys],
        "key.camera_name": [c for _, c in keys],
        f"{prefix}.panoptic_label_divisor": [1000] * len(keys),
        f"{prefix}.panoptic_label": [changes.get("label", data) for data in stored],
        f"{prefix}.sequence_id": [sequences[t] for t, _ in keys],
        f"{mapping}.local_instance_ids": [changes.get("local", ids) for ids in local],
        f"{mapping}.global_instance_ids": [list(GLOBAL_IDS)] * len(keys),
    }
    write("camera_segmentation", rows)


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
                for key, prefix in tfexample.PER_CAMERA.items():
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
