import dataclasses
import functools
import hashlib
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.data.parsed_example import parse_example
from deeplab.data.shards import read_records, write_shards
from deeplab.datasets.base import LoadedImage, RawImage
from deeplab.datasets.toy_street.images import ToyStreet
from tests.datasets import trees

ROOT = Path(__file__).parents[2]


def scenes(count=10):
    return ToyStreet(images=count, height=33, width=65).read(Path(), "train")


def write(output, images=None, **options):
    given = {
        "split": "train",
        "num_shards": 3,
        "workers": 1,
        "settings": {"seed": 0},
    }
    return write_shards(
        scenes() if images is None else images, output, **{**given, **options}
    )


def digests(folder):
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.glob("*.tfrecord")
    }


def test_all_images_in_order_in_balanced_files(tmp_path):
    written = write(tmp_path / "new" / "folder")
    files = [s.file for s in written.shards]
    assert files == [f"train-{i:05d}-of-00003.tfrecord" for i in range(3)]
    assert [s.records for s in written.shards] == [3, 3, 4]
    names = []
    for file in files:
        for record in read_records(tmp_path / "new" / "folder" / file):
            names.append(parse_example(record)["filename"].numpy().decode())
    assert names == [i.name for i in scenes()]


def test_the_manifest_tells_what_was_written(tmp_path):
    written = write(tmp_path)
    manifest = json.loads((tmp_path / "train.manifest.json").read_text())
    assert manifest["complete"] is True
    assert manifest["records"] == written.records == 10
    listed = {s["file"]: s["sha256"] for s in manifest["shards"]}
    assert listed == digests(tmp_path)


def test_labels_are_what_the_reader_gave(tmp_path):
    write(tmp_path, num_shards=1)
    (path,) = tmp_path.glob("*.tfrecord")
    for record, image in zip(read_records(path), scenes(), strict=True):
        parsed = parse_example(record)
        np.testing.assert_array_equal(parsed["label"], image.load().label)


def test_workers_write_the_same_bytes(tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(digests(tmp_path / "two")) == 3


def test_a_second_run_keeps_finished_shards_and_writes_the_rest(tmp_path):
    write(tmp_path)
    before = digests(tmp_path)
    kept, lost = (tmp_path / f"train-{i:05d}-of-00003.tfrecord" for i in (0, 1))
    modified = kept.stat().st_mtime_ns
    lost.unlink()
    assert write(tmp_path).kept == 2
    assert kept.stat().st_mtime_ns == modified
    assert digests(tmp_path) == before
    assert write(tmp_path).kept == 3
    assert write(tmp_path, overwrite=True).kept == 0


def test_a_shard_of_another_size_is_written_anew(tmp_path):
    write(tmp_path)
    before = digests(tmp_path)
    path = tmp_path / "train-00000-of-00003.tfrecord"
    path.write_bytes(path.read_bytes()[:-5])
    assert write(tmp_path).kept == 2
    assert digests(tmp_path) == before


def test_other_settings_are_not_mixed(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match=r"other settings \(seed\); choose another"):
        write(tmp_path, settings={"seed": 1})
    with pytest.raises(ValueError, match="images, names_sha256"):
        write(tmp_path, images=scenes(9))
    assert write(tmp_path, settings={"seed": 1}, overwrite=True).kept == 0


def test_records_that_no_manifest_lists_are_not_touched(tmp_path):
    foreign = tmp_path / "train-00000-of-00003.tfrecord"
    foreign.write_bytes(b"precious")
    with pytest.raises(ValueError, match="'train' that no manifest lists; choose"):
        write(tmp_path)
    assert foreign.read_bytes() == b"precious"
    write(tmp_path, split="val")
    write(tmp_path, overwrite=True)
    assert len(digests(tmp_path)) == 6


def test_overwriting_leaves_no_shard_of_before(tmp_path):
    write(tmp_path, num_shards=5)
    write(tmp_path, num_shards=2, overwrite=True)
    files = sorted(digests(tmp_path))
    assert files == [f"train-{i:05d}-of-00002.tfrecord" for i in range(2)]


def test_a_broken_manifest(tmp_path):
    write(tmp_path)
    (tmp_path / "train.manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"manifest\.json: not a manifest"):
        write(tmp_path)


_KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.data.shards_test import scenes, write
from deeplab.data import shards

encode = shards.stored_example
def slow(raw):
    time.sleep(0.2)
    return encode(raw)
shards.stored_example = slow
write(Path(sys.argv[1]))
"""


def test_killed_and_run_again_equals_an_unbroken_run(tmp_path):
    write(tmp_path / "whole")
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, tmp_path / "broken", ROOT], cwd=ROOT
    )
    first = tmp_path / "broken" / "train-00000-of-00003.tfrecord"
    deadline = time.monotonic() + 60
    while not (first.exists() and list(first.parent.glob(".*.tmp"))):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(digests(tmp_path / "broken")) < 3
    written = write(tmp_path / "broken")
    assert written.kept >= 1
    assert digests(tmp_path / "broken") == digests(tmp_path / "whole")
    assert not list((tmp_path / "broken").glob(".*.tmp"))


def test_no_half_shard_when_the_disk_is_full(tmp_path):
    """A limit on the size of files stands in for a full disk."""
    small, big = scenes(2), ToyStreet(images=2).read(Path(), "val")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, limit[1]))
    try:
        with pytest.raises(
            OSError, match=r"cannot be written: .*finished shards are k"
        ):
            write(tmp_path, images=[*small, *big], num_shards=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert list(digests(tmp_path)) == ["train-00000-of-00002.tfrecord"]
    assert not list(tmp_path.glob(".*.tmp"))
    assert write(tmp_path, images=[*small, *big], num_shards=2).kept == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_image_stops_the_run_and_is_named(tmp_path, workers):
    load = functools.partial(trees.broken_image, "street.png: broken")
    images = [*scenes(3), RawImage("x", load, "street.png")]
    with pytest.raises(ValueError, match=r"street\.png: broken"):
        write(tmp_path, images=images, num_shards=4, workers=workers)
    assert not list(tmp_path.glob(".*.tmp"))


def no_image():
    return LoadedImage(b"text", None)


def wrong_size(image):
    return LoadedImage(image.load().image, np.zeros((3, 4), np.int32))


def test_images_that_cannot_be_a_record_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"a\.jpg: not an image of a known format"):
        write(tmp_path, images=[RawImage("a", no_image, "a.jpg")], num_shards=1)
    load = functools.partial(wrong_size, scenes(1)[0])
    with pytest.raises(
        ValueError, match=r"b\.jpg: .*is 33 x 65, but its label is 3 x 4"
    ):
        write(tmp_path, images=[RawImage("b", load, "b.jpg")], num_shards=1)


def test_duplicate_names(tmp_path):
    one = scenes(1)[0]
    other = dataclasses.replace(one, source="the other")
    with pytest.raises(ValueError, match="'train_000000': scene 0 of train, the other"):
        write(tmp_path, images=[one, other], num_shards=1)


@pytest.mark.parametrize("num_shards", [0, 11])
def test_impossible_numbers_of_shards(tmp_path, num_shards):
    with pytest.raises(ValueError, match="choose 1 to 10"):
        write(tmp_path, num_shards=num_shards)


def records_file(path):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in (b"one", b"two", b"three"):
            writer.write(content)
    return path


def test_read_records(tmp_path):
    path = records_file(tmp_path / "a.tfrecord")
    assert list(read_records(path)) == [b"one", b"two", b"three"]


def test_a_truncated_file_names_the_record(tmp_path):
    path = records_file(tmp_path / "a.tfrecord")
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(ValueError, match=r"a\.tfrecord: record 2 cannot be read"):
        list(read_records(path))


def test_a_damaged_byte_names_the_record(tmp_path):
    path = records_file(tmp_path / "a.tfrecord")
    data = bytearray(path.read_bytes())
    data[data.index(b"two")] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="record 1 cannot be read: the file is trunc"):
        list(read_records(path))


def test_a_foreign_file(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8 this is no TFRecord file")
    with pytest.raises(ValueError, match=r"record 0 .*or is not a TFRecord file"):
        list(read_records(path))
    with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
        list(read_records(tmp_path / "nowhere"))
