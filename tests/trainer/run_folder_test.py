import pytest
import tensorflow as tf

from deeplab.trainer.run_folder import RunFolder


@pytest.fixture(params=["local", "ram://run_folder"])
def folder(request, tmp_path):
    """A folder on a disk and one in a file system that is not of the disk."""
    remote = request.param.startswith("ram://")
    folder = RunFolder(request.param if remote else tmp_path / "run")
    folder.make()
    yield folder
    tf.io.gfile.rmtree(folder.path)


def test_the_scheme_of_a_path_is_kept():
    folder = RunFolder("gs://bucket/runs//a/")
    assert str(folder) == "gs://bucket/runs/a"
    assert folder.is_remote
    assert folder.join("best", "best.json") == "gs://bucket/runs/a/best/best.json"
    assert RunFolder(folder.below("best")).path == "gs://bucket/runs/a/best"
    assert not RunFolder("runs/a/").is_remote
    assert RunFolder("runs/a/").path == "runs/a"


def test_files_are_written_read_and_listed(folder):
    assert folder.names() == []
    folder.write("b.txt", "zwölf\n")
    folder.write("a.bin", b"\xff\x00")
    folder.below("c").make()
    folder.below("c").write("d.txt", "d")
    assert folder.names() == ["a.bin", "b.txt", "c"]
    assert folder.read("b.txt") == "zwölf\n"
    with tf.io.gfile.GFile(folder.join("a.bin"), "rb") as file:
        assert file.read() == b"\xff\x00"
    folder.write("b.txt", "replaced")
    assert folder.read("b.txt") == "replaced"
    assert folder.exists("b.txt")
    assert not folder.exists("e.txt")


def test_lines_are_added_at_the_end(folder):
    folder.append("log", "one\n")
    folder.append("log", "zwö\n")
    assert folder.read("log") == "one\nzwö\n"
    assert folder.names() == ["log"]


def test_files_are_renamed_and_removed(folder):
    folder.write("a", "new")
    folder.write("b", "old")
    folder.rename("a", "b")
    assert folder.names() == ["b"]
    assert folder.read("b") == "new"
    folder.below("c").make()
    folder.below("c").write("d", "")
    folder.remove("c")
    folder.remove("b")
    assert folder.names() == []


def test_a_local_folder_is_copied_into_it(folder, tmp_path):
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "below" / "b.txt").write_text("b")
    folder.write("a.txt", "replaced")
    folder.fill_from(source)
    assert folder.read("a.txt") == "a"
    assert folder.below("below").read("b.txt") == "b"


def test_what_is_missing_is_an_error_of_python(folder):
    for act in (folder.read, folder.remove, lambda name: folder.rename(name, "x")):
        with pytest.raises(FileNotFoundError, match="absent") as caught:
            act("absent")
        assert caught.value.filename == folder.join("absent")
    assert folder.below("absent").names() == []


def test_a_failed_write_leaves_what_was_there(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write("a", "old")
    (tmp_path / "a.tmp").mkdir()
    with pytest.raises(OSError, match=r"a\.tmp"):
        folder.write("a", "new")
    assert folder.read("a") == "old"


def test_a_folder_that_cannot_be_made_is_an_error_of_python(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file") as caught:
        RunFolder(tmp_path / "file" / "run").make()
    assert caught.value.strerror
    with pytest.raises(OSError, match="scheme 'nowhere' not implemented"):
        RunFolder("nowhere://bucket/run").make()
