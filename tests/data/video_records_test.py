"""Records of videos, from the raw frame to the parsed record, and their check."""

import dataclasses
import functools
import re

import numpy as np
import pytest
import tensorflow as tf

from deeplab.data import tfexample
from deeplab.data.camera_record import join_cameras, stored_cameras
from deeplab.data.encoded_label import encode_label
from deeplab.data.label_check import check_labels, check_records, short_label_check
from deeplab.data.label_report import remarks
from deeplab.data.parsed_example import Wanted, parse_example
from deeplab.data.shards import read_records, write_shards
from deeplab.data.stored_example import stored_example
from deeplab.datasets.base import LoadedFrame
from deeplab.datasets.toy_street.videos import ToyStreetVideo

VIDEO = ToyStreetVideo(images=4, frames=3, height=33, width=65)
EVERYTHING = Wanted(previous=True, next=True, depth=True)


def changed(image, **fields):
    """The raw image with other content."""
    return dataclasses.replace(
        image, load=functools.partial(lambda i: i.load()._replace(**fields), image)
    )


def small_frame():
    video = ToyStreetVideo(images=1, height=40, width=50)
    return video.read(None, "train")[0].load().next


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("records")
    images = VIDEO.read(path, "train")
    write_shards(images, path, split="train", num_shards=1, workers=1, settings={})
    return path


def serialized(folder):
    return list(read_records(folder / "train-00000-of-00001.tfrecord"))


def test_frames_and_depth_survive(folder):
    images = VIDEO.read(folder, "train")
    for record, image in zip(serialized(folder), images, strict=True):
        loaded = image.load()
        parsed = parse_example(record, wanted=EVERYTHING)
        for name, expected in (
            ("label", loaded.label),
            ("previous_label", loaded.previous.label),
            ("next_label", loaded.next.label),
            ("image", tf.io.decode_jpeg(loaded.image)),
            ("previous_image", tf.io.decode_jpeg(loaded.previous.image)),
            ("next_image", tf.io.decode_jpeg(loaded.next.image)),
            ("depth", np.rint(256 * loaded.depth)),
        ):
            np.testing.assert_array_equal(parsed[name], expected, err_msg=name)
        assert parsed["sequence_id"] == loaded.sequence_id
        assert parsed["frame_id"] == loaded.frame_id
        assert tfexample.read_example(record) == stored_example(image)


def test_what_is_not_wanted_is_not_decoded(folder):
    parsed = parse_example(serialized(folder)[0])
    assert set(parsed) == {"image", "label", "filename", "sequence_id", "frame_id"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "previous",
            LoadedFrame(b"text"),
            "the previous frame: not an image of a known format",
        ),
        ("next", small_frame(), "the next frame is 40 x 50, the image is 33 x 65"),
        ("depth", np.zeros((3, 4), np.float32), "33 x 65, but its depth is 3 x 4"),
        ("depth", np.full((33, 65), 300, np.float32), "depths range from 300"),
    ],
)
def test_frames_that_cannot_be_a_record_are_named(name, content, message):
    image = dataclasses.replace(VIDEO.read(None, "train")[0], source="street")
    with pytest.raises(ValueError, match=f"street.*{message}"):
        stored_example(changed(image, **{name: content}))


def test_the_check_counts_each_frame_once(folder):
    paths = [str(folder / "train-00000-of-00001.tfrecord")]
    report = check_records(paths, VIDEO.info)
    assert report.problems == []
    assert (report.records, report.pixels) == (4, 4 * 33 * 65)
    short_label_check(paths, VIDEO.info, 16)


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        (
            tfexample.NEXT_LABEL,
            encode_label(np.full((33, 65), 99_000, np.int32)),
            r"the next frame: pixel \(row 0, column 0\) has label 99000",
        ),
        (tfexample.PREVIOUS_LABEL, b"no", "the previous frame: the label is not a rea"),
        (tfexample.PREVIOUS_IMAGE, b"no", "the previous frame: the image: not a reada"),
        (tfexample.DEPTH, b"no", "depth: the map is not a readable PNG"),
    ],
)
def test_the_check_names_a_bad_neighbour(folder, tmp_path, key, content, message):
    example = tf.train.Example.FromString(serialized(folder)[0])
    example.features.feature[key].bytes_list.value[:] = [content]
    path = str(tmp_path / "bad.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(example.SerializeToString())
    (problem,) = check_labels([path], VIDEO.info)
    assert problem.record == 0
    assert re.search(message, problem.message)


def test_frames_out_of_order_are_remarked_upon(folder, tmp_path):
    records = serialized(folder)
    for order, expected in (
        ((0, 1, 2, 3), []),
        ((0, 2, 1, 3), ["frame 000001 of video 'train_0000' comes after frame 000002"]),
        # Another video in between is no matter.
        ((0, 3, 1, 2), []),
    ):
        path = str(tmp_path / "order.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for i in order:
                writer.write(records[i])
        report = check_records([path], VIDEO.info)
        found = [r for r in remarks(report, VIDEO.info) if "comes after" in r]
        assert [r.split(":")[0] for r in found] == expected


def test_a_camera_of_a_multi_camera_record(folder):
    source = tf.train.Example.FromString(serialized(folder)[1]).features.feature
    keys = (tfexample.FILENAME, tfexample.SEQUENCE_ID, tfexample.FRAME_ID)
    features = {key: source[key] for key in keys}
    features |= {
        prefix + "left": source[key] for key, prefix in tfexample.PER_CAMERA.items()
    }
    record = tf.train.Example(features=tf.train.Features(feature=features))
    stored = tfexample.read_example(record.SerializeToString(), "left")
    assert stored.filename == "train_0000_000001_left"
    assert stored.sequence_id == "train_0000_left"
    assert stored.next_image == source[tfexample.NEXT_IMAGE].bytes_list.value[0]
    with pytest.raises(ValueError, match=r"no image/encoded.* of camera 'right'"):
        tfexample.read_example(record.SerializeToString(), "right")


def two_cameras(folder, number=1, **changes):
    """Cameras -> records, of one frame; the right camera has the changes."""
    image = VIDEO.read(folder, "train")[number]
    parts = {}
    for camera in ("left", "right"):
        changed_fields = changes if camera == "right" else {}
        # As of cameras in the data sets that have several: no previous frame.
        stored = stored_example(changed(image, previous=None, **changed_fields))
        fields = stored._asdict()
        for name in ("label_format", "depth_format", "camera", "others"):
            del fields[name]
        parts[camera] = tfexample.encode_example(**fields)
    return parts


def test_cameras_are_joined_in_one_record(folder):
    parts = two_cameras(folder, label=np.zeros((33, 65), np.int32))
    record = join_cameras(parts)
    known = ("front", "right", "left")
    assert stored_cameras(record, known) == ("right", "left")
    for camera, part in parts.items():
        alone = tfexample.read_example(part)
        found = tfexample.read_example(record, camera)
        assert found.filename == f"{alone.filename}_{camera}"
        assert found.sequence_id == f"{alone.sequence_id}_{camera}"
        names = {"filename": alone.filename, "sequence_id": alone.sequence_id}
        assert found._replace(**names) == alone


def test_cameras_of_different_moments_are_not_joined(folder):
    parts = two_cameras(folder, frame_id="000007")
    message = "video/frame_id of camera 'right' differs from that of camera 'left'"
    with pytest.raises(ValueError, match=message):
        join_cameras(parts)


def test_the_check_looks_at_the_cameras_that_a_file_has(folder, tmp_path):
    info = dataclasses.replace(VIDEO.info, camera_names=("front", "right", "left"))
    first, second = (join_cameras(two_cameras(folder, i)) for i in (0, 1))
    part = tf.train.Example.FromString(second)
    del part.features.feature[tfexample.CAMERA_IMAGE + "left"]
    path = str(tmp_path / "cameras.tfrecord")
    for records, problems in (
        ((first, second), []),
        ((first, part.SerializeToString()), [1]),
        # Records without cameras: all are missed.
        ((serialized(folder)[0],), [0]),
    ):
        with tf.io.TFRecordWriter(path) as writer:
            for record in records:
                writer.write(record)
        found = check_records([path], info).problems
        assert [problem.record for problem in found] == problems
