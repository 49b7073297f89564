import errno

import pytest
import tensorflow as tf

from deeplab.core import remote_path


def test_a_scheme_makes_a_path_remote(tmp_path):
    assert remote_path.is_remote("gs://bucket/run")
    assert not remote_path.is_remote(tmp_path)
    assert not remote_path.is_remote("gs:/bucket/run")


def test_paths_are_tidied():
    assert remote_path.tidy("gs://bucket//a/../b/") == "gs://bucket/b"
    assert remote_path.tidy("a//b/") == "a/b"


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("gs://b/x/child.textproto", "../parent.textproto", "gs://b/parent.textproto"),
        ("gs://b/child.textproto", "gs://other/p.textproto", "gs://other/p.textproto"),
        ("x/child.textproto", "parent.textproto", "x/parent.textproto"),
        ("child.textproto", "/etc/parent.textproto", "/etc/parent.textproto"),
    ],
)
def test_files_are_named_relative_to_others(path, name, expected):
    assert remote_path.beside(path, name) == expected


def test_text_is_read_from_disks_and_elsewhere(tmp_path):
    remote = "ram://remote_path.txt"
    with tf.io.gfile.GFile(remote, "wb") as file:
        file.write("zwölf".encode())
    (tmp_path / "a.txt").write_text("zwölf", encoding="utf-8")
    try:
        assert remote_path.read_text(remote) == "zwölf"
    finally:
        tf.io.gfile.remove(remote)
    assert remote_path.read_text(tmp_path / "a.txt") == "zwölf"
    for path in (remote, tmp_path / "b.txt"):
        with pytest.raises(FileNotFoundError):
            remote_path.read_text(path)


def test_errors_of_tensorflow_become_those_of_python():
    message = "run/a; No space left on device"
    with (
        pytest.raises(OSError, match="No space left") as caught,
        remote_path.as_os_errors("run/a"),
    ):
        raise tf.errors.ResourceExhaustedError(None, None, message)
    assert caught.value.errno == errno.ENOSPC
    assert (caught.value.filename, caught.value.strerror) == (
        "run/a",
        "No space left on device",
    )
