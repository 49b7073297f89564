"""Archives of predictions: the same bytes again, and nothing outside the folder."""

import zipfile

import pytest

from deeplab.predictions.archive import extract_zip, unpacked, write_zip


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.txt", "masks/c.png"):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    return tmp_path / "out"


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_what_is_packed_is_unpacked(folder, tmp_path):
    write_zip(folder, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        assert packed.namelist() == ["a.txt", "b.png", "masks/c.png"]
        kinds = {i.filename: i.compress_type for i in packed.infolist()}
    assert kinds["a.txt"] == zipfile.ZIP_DEFLATED
    assert kinds["b.png"] == zipfile.ZIP_STORED
    extract_zip(tmp_path / "out.zip", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_equal_files_make_equal_archives(folder, tmp_path):
    write_zip(folder, tmp_path / "first.zip")
    for name, data in contents(folder).items():
        copy = tmp_path / "copy" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data)
    write_zip(tmp_path / "copy", tmp_path / "second.zip")
    first, second = (tmp_path / f"{n}.zip" for n in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_what_cannot_be_packed_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match="is inside"):
        write_zip(folder, folder / "out.zip")
    with pytest.raises(ValueError, match="no files to pack"):
        write_zip(tmp_path / "none", tmp_path / "none.zip")
    assert not (tmp_path / "none.zip").exists()


@pytest.mark.parametrize("member", ["../evil.png", "/tmp/evil.png", "a/../../evil.png"])
def test_members_that_lead_out_are_refused(member, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(member, "x")
    with pytest.raises(ValueError, match=r"a\.zip: file name .* points outside"):
        extract_zip(tmp_path / "a.zip", tmp_path / "out")
    assert not list(tmp_path.rglob("evil*"))


def _encrypted(data):
    """Sets the flag of encryption in the header of every member."""
    data = bytearray(data)
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.find(signature)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(signature, place + 1)
    return bytes(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_damaged_archives_are_refused(folder, tmp_path):
    write_zip(folder, tmp_path / "whole.zip")
    data = (tmp_path / "whole.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[:-40])
    (tmp_path / "changed.zip").write_bytes(data.replace(b"b.pngb", b"b.pngc", 1))
    (tmp_path / "locked.zip").write_bytes(_encrypted(data))
    for name, message in (
        ("cut", "not a zip file"),
        ("changed", "Bad CRC-32"),
        ("locked", "encrypted"),
    ):
        with pytest.raises(
            ValueError, match=rf"{name}\.zip: not a complete \.zip: .*{message}"
        ):
            extract_zip(tmp_path / f"{name}.zip", tmp_path / name)
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as packed:
        packed.writestr("a.png", "x")
        packed.writestr("a.png", "y")
    with pytest.raises(ValueError, match=r"twice\.zip lists a\.png twice"):
        extract_zip(tmp_path / "twice.zip", tmp_path / "twice")


def test_an_archive_is_a_folder_while_it_is_looked_at(folder, tmp_path):
    write_zip(folder, tmp_path / "out.zip")
    with unpacked(tmp_path / "out.zip") as place:
        assert contents(place) == contents(folder)
    assert not place.exists()
    with unpacked(folder) as place:
        assert place == folder
    assert folder.exists()
    with (
        pytest.raises(ValueError, match="absent: no such file or directory"),
        unpacked(tmp_path / "absent"),
    ):
        pass
