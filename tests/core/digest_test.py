import pytest

from deeplab.core.digest import sha256


def test_published_vectors(tmp_path):
    # FIPS 180-4: of "abc", and of a million times "a", more than is read at once.
    (tmp_path / "abc").write_bytes(b"abc")
    (tmp_path / "long").write_bytes(b"a" * 1_000_000)
    (tmp_path / "empty").write_bytes(b"")
    assert sha256(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert sha256(tmp_path / "long") == (
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    )
    assert sha256(tmp_path / "empty") == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_pieces_count_in_order(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a" * (1 << 20) + b"b" * (1 << 20))
    other.write_bytes(b"b" * (1 << 20) + b"a" * (1 << 20))
    assert sha256(one) != sha256(other)


def test_absent_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        sha256(tmp_path / "absent")
