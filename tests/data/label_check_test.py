import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab.core.dataset_info import described_dataset
from deeplab.data import tfexample
from deeplab.data.encoded_label import encode_label
from deeplab.data.label_check import (
    check_labels,
    check_records,
    matching_files,
    short_label_check,
)
from deeplab.data.label_report import remarks

INFO = described_dataset(
    "mine",
    {
        "classes": [
            {"id": 0, "name": "road"},
            {"id": 1, "name": "car", "is_thing": True},
        ],
        "ignore_label": 9,
        "label_divisor": 10,
    },
)
# Six pixels of road, two cars of two pixels, a crowd pixel, a void pixel.
GOOD = np.array([[0, 0, 11, 11], [0, 0, 12, 12], [0, 0, 10, 90]], np.int32)


def record(label=GOOD, name="a", image=None, **fields):
    height, width = (3, 4) if label is None else label.shape
    if image is None:
        buffer = io.BytesIO()
        Image.new("RGB", (width, height)).save(buffer, "PNG")
        image = buffer.getvalue()
    given = {"height": height, "width": width, "label": label}
    return tfexample.encode_example(
        image=image, image_format="png", filename=name, **{**given, **fields}
    )


def write(path, *records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for serialized in records:
            writer.write(serialized)
    return str(path)


def test_classes_of_whole_images(tmp_path):
    """One class an image, in place of a label; ids of another count are found."""
    path = write(
        tmp_path / "a",
        record(None, "a", class_id=1),
        record(None, "b", class_id=1),
        record(None, "c", class_id=9),
        record(None, "d", class_id=2),
    )
    report = check_records([path], INFO)
    assert (report.records, report.unlabelled, report.pixels) == (4, 0, 0)
    assert report.class_images == {1: 2, 9: 1}
    (problem,) = report.problems
    assert (problem.record, problem.name) == (3, "d")
    assert "the image has class 2, which is not in data set 'mine'" in str(problem)
    assert list(remarks(report, INFO)) == []


def test_counts_worked_out_by_hand(tmp_path):
    second = np.zeros((1, 2), np.int32)
    path = write(tmp_path / "a", record(), record(second, "b"), record(None, "c"))
    report = check_records([path], INFO)
    assert report.problems == []
    assert (report.records, report.unlabelled, report.pixels) == (3, 1, 14)
    assert report.class_pixels == {0: 8, 1: 5, 9: 1}
    assert report.class_images == {0: 2, 1: 1, 9: 1}
    assert report.crowd_pixels == {1: 1}
    assert report.most_instances == {1: 2}


def test_remarks_on_what_is_seldom_meant(tmp_path):
    path = write(tmp_path / "a", record(), record(None, "b"))
    (remark,) = remarks(check_records([path], INFO), INFO)
    assert remark == "1 of 2 records have no label"
    label = np.array([[3, 3, 10, 90, 90, 90, 90]], np.int32)
    path = write(tmp_path / "a", record(label))
    void, road, car = remarks(check_records([path], INFO), INFO)
    assert void == "57% of the pixels are ignored"
    assert "'car' is a thing class, but all its pixels have instance id 0" in car
    assert "'road' is a stuff class, but 2 of its pixels have an instance id" in road


def test_records_without_names_are_not_duplicates(tmp_path):
    path = write(tmp_path / "a", record(name=""), record(name=""))
    assert check_labels([path], INFO) == []


def test_workers_find_the_same(tmp_path):
    rng = np.random.default_rng(0)
    values = np.array([0, 10, 11, 12, 90, 95])
    labels = [rng.choice(values, (4, 5)).astype(np.int32) for _ in range(9)]
    path = write(tmp_path / "a", *(record(x, str(i)) for i, x in enumerate(labels)))
    alone = check_records([path], INFO)
    assert check_records([path], INFO, workers=2) == alone
    assert alone.class_pixels[1] == sum((x // 10 == 1).sum() for x in labels)


def wrong_id():
    label = GOOD.copy()
    label[1, 2:] = 57
    label[2, 0] = 52
    return label


def test_an_id_outside_the_classes_names_file_record_pixel_and_id(tmp_path):
    path = write(tmp_path / "a.tfrecord", record(), record(wrong_id(), "b"))
    (problem,) = check_labels([path], INFO)
    assert (problem.path, problem.record, problem.name) == (path, 1, "b")
    assert str(problem).startswith(f"{path}, record 1 (b): pixel (row 2, column 0) has")
    assert "label 52: class 5" in problem.message
    assert "whose ids are 0 to 1 and 9 (ignore)" in problem.message


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: record(image=b"no image", name="d"), "not an image of a known format"),
        (lambda: record(image=big_png()[:60], name="d"), "not a readable image"),
        (
            lambda: record(image=big_png(), name="d"),
            "the image is 50 x 60, but the record specifies 3",
        ),
        (lambda: b"\xff", "not a tf.train.Example"),
        (lambda: tf.train.Example().SerializeToString(), "no image/encoded"),
    ],
)
def test_what_is_wrong_with_a_record(tmp_path, bad, message):
    path = write(tmp_path / "a", record(), bad(), record(name="c"))
    report = check_records([path], INFO)
    assert [p.record for p in report.problems] == [1]
    assert message in report.problems[0].message
    assert report.class_images[0] == 2


def big_png():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_label_of_another_size(tmp_path):
    example = tf.train.Example.FromString(record())
    other = encode_label(GOOD.T.copy())
    example.features.feature[tfexample.LABEL].bytes_list.value[:] = [other]
    path = write(tmp_path / "a", example.SerializeToString())
    (problem,) = check_labels([path], INFO)
    assert "the label is 4 x 3, the image is 3 x 4" in problem.message


def test_a_truncated_and_an_empty_file(tmp_path):
    path = write(tmp_path / "a", record(), record(name="b"))
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[:-3])
    (problem,) = check_labels([path], INFO)
    assert "record 1 cannot be read" in problem.message
    empty = write(tmp_path / "empty")
    (problem,) = check_labels([empty], INFO)
    assert str(problem) == f"{empty}: no records in the file"


def test_duplicate_names_within_and_across_files(tmp_path):
    one = write(tmp_path / "1", record(), record(name="b"))
    two = write(tmp_path / "2", record(name="b"))
    (problem,) = check_labels([one, two], INFO)
    assert problem.message.startswith(f"record 1 of {one} has the same name")
    path = write(tmp_path / "3", record(), record())
    assert len(check_labels([path], INFO)) == 1


def test_only_as_many_records_as_asked_for(tmp_path):
    path = write(tmp_path / "a", record(), record(wrong_id(), "b"))
    assert check_labels([path], INFO, limit=1) == []
    assert len(check_labels([path], INFO, limit=2)) == 1


def test_the_short_check_spreads_over_the_files(tmp_path):
    for i in range(4):
        write(tmp_path / f"{i}.tfrecord", record(name=str(i)))
    write(tmp_path / "3.tfrecord", record(wrong_id(), "bad"))
    pattern = str(tmp_path / "*.tfrecord")
    short_label_check([pattern], INFO, 0)
    short_label_check([pattern], INFO, 2)  # Looks at files 0 and 2.
    with pytest.raises(
        ValueError, match=r"(?s)check-data.*3\.tfrecord, record 0 \(bad"
    ):
        short_label_check([pattern], INFO, 4)


def test_the_short_check_passes_good_records(tmp_path):
    path = write(tmp_path / "a", record(), record(name="b"))
    short_label_check([path], INFO, 16)


def test_no_file_matches(tmp_path):
    with pytest.raises(ValueError, match="no file matches"):
        matching_files([str(tmp_path / "*.tfrecord")])
    with pytest.raises(ValueError, match="no file matches"):
        short_label_check([str(tmp_path / "*.tfrecord")], INFO, 1)
