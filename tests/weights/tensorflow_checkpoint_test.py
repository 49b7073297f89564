import io
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab.weights.error import WeightsError
from deeplab.weights.readers.tensorflow_checkpoint import TensorFlowCheckpoint

READER = TensorFlowCheckpoint()


@pytest.fixture
def prefix(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable([1.0, 2.0])
    return tf.train.Checkpoint(part=module).write(str(tmp_path / "saved" / "ckpt-3"))


def pack(prefix, path, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for suffix in (".index", ".data-00000-of-00001"):
            tar.add(prefix + suffix, arcname=f"inside/model{suffix}")
    return str(path)


def read(path):
    assert READER.takes(path)
    with READER.open(path) as arrays:
        return {key: array.read() for key, array in arrays.items()}


@pytest.mark.parametrize("kind", ["prefix", "folder", "index", "tar.gz", "tgz", "tar"])
def test_every_kind_of_path(prefix, tmp_path, kind):
    path = {
        "prefix": prefix,
        "folder": str(tmp_path / "saved"),
        "index": prefix + ".index",
        "tar.gz": pack(prefix, tmp_path / "a.tar.gz"),
        "tgz": pack(prefix, tmp_path / "a.tgz"),
        "tar": pack(prefix, tmp_path / "a.tar", "w"),
    }[kind]
    arrays = read(path)
    assert set(arrays) >= {"part/weight"}
    # What is no number, as the graph of objects, is not in it.
    assert not any("CHECKPOINTABLE" in key for key in arrays)
    np.testing.assert_array_equal(arrays["part/weight"], [1, 2])


@pytest.mark.parametrize("kind", ["prefix", "folder", "index", "tar.gz"])
def test_every_kind_of_path_in_an_object_store(prefix, tmp_path, kind):
    saved, packed = "ram://saved", "ram://packed"
    for folder, files in (
        (saved, [f"{prefix}.index", f"{prefix}.data-00000-of-00001"]),
        (packed, [pack(prefix, tmp_path / "a.tar.gz")]),
    ):
        tf.io.gfile.makedirs(folder)
        for file in map(Path, files):
            with tf.io.gfile.GFile(f"{folder}/{file.name}", "wb") as copy:
                copy.write(file.read_bytes())
    path = {
        "prefix": f"{saved}/ckpt-3",
        "folder": saved,
        "index": f"{saved}/ckpt-3.index",
        "tar.gz": f"{packed}/a.tar.gz",
    }[kind]
    try:
        np.testing.assert_array_equal(read(path)["part/weight"], [1, 2])
    finally:
        for folder in (saved, packed):
            tf.io.gfile.rmtree(folder)


def test_names_of_tensorflow_1(tmp_path):
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "old"),
        tensor_names=["scope/conv/weights", "note"],
        shape_and_slices=["", ""],
        tensors=[tf.constant([[3.0]]), tf.constant("text")],
    )
    assert list(read(str(tmp_path / "old"))) == ["scope/conv/weights"]


def test_an_archive_is_unpacked_for_a_while(prefix, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "unpacked"))
    (tmp_path / "unpacked").mkdir()
    with READER.open(pack(prefix, tmp_path / "a.tar.gz")):
        assert list((tmp_path / "unpacked").rglob("*.index"))
    assert not list((tmp_path / "unpacked").iterdir())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere/ckpt-1.index", "no such checkpoint; give a checkpoint's prefix"),
        (".", "expected one checkpoint inside, found 0"),
        ("broken.tar.gz", "cannot unpack"),
        ("absent.tar.gz", "cannot unpack"),
        ("empty.tar.gz", "cannot unpack"),
        ("broken.index", "cannot read the checkpoint"),
        ("empty.index", "cannot read the checkpoint"),
    ],
)
def test_bad_paths(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    if path.startswith("broken"):
        (tmp_path / path).write_bytes(b"not that\n" * 100)
    if path.startswith("empty"):
        (tmp_path / path).write_bytes(b"")
    with pytest.raises(WeightsError, match=message) as error:
        read(path)
    assert str(error.value).startswith(path.removesuffix(".index"))


def test_two_checkpoints_in_one_archive(prefix, tmp_path):
    with tarfile.open(tmp_path / "two.tar", "w") as tar:
        for name in ("a", "b"):
            tar.add(prefix + ".index", arcname=f"{name}.index")
    with pytest.raises(WeightsError, match=r"found 2 \(a\.index, b\.index\)"):
        read(str(tmp_path / "two.tar"))


@pytest.mark.parametrize("length", [0, 20, 60])
def test_truncated_archive(prefix, tmp_path, length):
    path = tmp_path / "a.tar.gz"
    pack(prefix, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(WeightsError, match="cannot unpack"):
        read(str(path))


def test_damage_within_an_archive(prefix, tmp_path):
    path = tmp_path / "a.tar.gz"
    pack(prefix, path)
    content = bytearray(path.read_bytes())
    content[40:60] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.tar\.gz: cannot unpack"):
        read(str(path))


@pytest.mark.parametrize("change", ["removed", "truncated", "altered"])
def test_damaged_data(prefix, change):
    """The index is whole, so that only reading an array tells."""
    (path,) = Path(prefix).parent.glob("*.data*")
    size = path.stat().st_size
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes(bytes(2 if change == "truncated" else size))
    with pytest.raises(WeightsError, match=r"ckpt-3: cannot read .* it is damaged"):
        read(prefix)


@pytest.mark.parametrize("name", ["../outside.index", "/outside.index"])
def test_an_archive_that_leaves_its_folder_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "unpacked"))
    (tmp_path / "unpacked").mkdir()
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    with pytest.raises(WeightsError, match=r"cannot (unpack|read)"):
        read(str(path))
    assert not list(tmp_path.rglob("outside.index"))


def test_a_link_in_an_archive_is_refused(tmp_path):
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        link = tarfile.TarInfo("ckpt.index")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(WeightsError, match="cannot unpack"):
        read(str(tmp_path / "evil.tar"))
