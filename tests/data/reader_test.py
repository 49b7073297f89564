from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from deeplab.data.reader import (
    example_numbers,
    index_records,
    read_record,
    shuffled_record,
)


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def contexts(pipelines, replicas):
    return [
        tf.distribute.InputContext(pipelines, i, replicas) for i in range(pipelines)
    ]


def test_every_record_is_found_and_read(tmp_path):
    """Files in the order of their names, records of any length, empty ones too."""
    records = {
        "b": [b"", b"x" * 70000, b"second"],
        "a": [bytes([i]) * i for i in range(9)],
        "c": [],
    }
    for name, content in records.items():
        write(tmp_path / f"{name}.tfrecord", content)
    index = index_records([f"{tmp_path}/*.tfrecord", f"{tmp_path}/a.tfrecord"])
    expected = [*records["a"], *records["b"]]
    assert len(index) == len(expected)
    numbers = tf.data.Dataset.range(len(index))
    found = numbers.map(lambda i: read_record(index, i)).as_numpy_iterator()
    assert list(found) == expected


def test_pattern_without_files_is_named(tmp_path):
    write(tmp_path / "a.tfrecord", [b"x"])
    with pytest.raises(FileNotFoundError, match=r"no file matches .*/b\*"):
        index_records([f"{tmp_path}/a*", f"{tmp_path}/b*"])
    with pytest.raises(FileNotFoundError, match="file_pattern is empty"):
        index_records([])


def test_files_without_records_are_named(tmp_path):
    write(tmp_path / "a.tfrecord", [])
    with pytest.raises(ValueError, match=r"no records in .*a\.tfrecord"):
        index_records([f"{tmp_path}/a*"])


@pytest.mark.parametrize("cut", [1, 12, 103, 110, 115])
def test_truncated_file_is_named_with_the_record(tmp_path, cut):
    """Three records of 100 + 16 bytes; whatever is missing of the third."""
    path = tmp_path / "a.tfrecord"
    write(path, [b"x" * 100] * 3)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(
        ValueError, match=r"a\.tfrecord: record 2, at byte 232, is incomplete"
    ):
        index_records([str(path)])


def test_foreign_file_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a record\n" * 20)
    with pytest.raises(ValueError, match=r"notes\.txt: record 0.* not a TFRecord file"):
        index_records([str(path)])


def test_damaged_record_is_not_read(tmp_path):
    path = tmp_path / "a.tfrecord"
    write(path, [b"x" * 100] * 3)
    content = bytearray(path.read_bytes())
    content[150] ^= 1
    path.write_bytes(content)
    index = index_records([str(path)])
    assert read_record(index, tf.constant(0, tf.int64)) == b"x" * 100
    with pytest.raises(tf.errors.DataLossError):
        read_record(index, tf.constant(1, tf.int64))


@pytest.mark.parametrize("count", [1, 2, 3, 10, 257])
def test_an_epoch_holds_every_record_once(count):
    orders = [
        [
            int(shuffled_record(tf.constant(n, tf.int64), count, seed))
            for n in range(3 * count)
        ]
        for seed in (1, 2)
    ]
    for order in orders:
        for epoch in range(3):
            part = order[epoch * count : (epoch + 1) * count]
            assert sorted(part) == list(range(count))
    if count >= 10:
        assert orders[0] != orders[1]
        assert orders[0][:count] != orders[0][count : 2 * count]


def test_order_is_shuffled_over_the_whole_split():
    """Neighbours of a random order lie a third of the split apart on average."""
    count = 500
    order = np.array(
        [int(shuffled_record(tf.constant(n, tf.int64), count, 1)) for n in range(count)]
    )
    assert 0.28 * count < np.abs(np.diff(order)).mean() < 0.39 * count


def test_global_batch_is_the_same_on_any_number_of_hosts():
    def batches(pipelines, first_batch=0):
        streams = [
            example_numbers(
                9,
                training=True,
                batch_size=12,
                first_batch=first_batch,
                input_context=context,
            )
            .batch(12 // pipelines)
            .take(3)
            .as_numpy_iterator()
            for context in contexts(pipelines, 12)
        ]
        return [np.concatenate(parts).tolist() for parts in zip(*streams, strict=True)]

    expected = np.arange(36).reshape(3, 12).tolist()
    assert batches(1) == batches(2) == batches(3) == batches(4) == expected
    later = np.arange(60, 96).reshape(3, 12).tolist()
    assert batches(1, 5) == batches(3, 5) == later


@pytest.mark.parametrize("pipelines", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 5, 6, 13])
def test_evaluation_sees_every_record_once(pipelines, count):
    seen = Counter()
    for context in contexts(pipelines, pipelines):
        numbers = example_numbers(
            count, training=False, batch_size=6, input_context=context
        )
        seen.update(int(n) for n in numbers)
    assert seen == Counter(range(count))


def test_uneven_share_is_refused():
    with pytest.raises(ValueError, match="batch_size 5 cannot be split evenly over 2"):
        example_numbers(9, training=True, batch_size=5, input_context=contexts(2, 2)[0])
