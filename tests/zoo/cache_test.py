import dataclasses
import hashlib
import json
import threading

import pytest

from deeplab.zoo.cache import PINS, address, cache_folder, fetch
from deeplab.zoo.table import ZooError, find
from tests.zoo.server import serving

NAME = "resnet50_imagenet1k"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder with one archive, which stands for the publisher's."""
    monkeypatch.setenv("DEEPLAB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / f"{NAME}.tar.gz").write_bytes(b"the weights")
    monkeypatch.setenv("DEEPLAB_ZOO_SOURCE", str(folder))
    return folder / f"{NAME}.tar.gz"


def pins(tmp_path):
    return json.loads((tmp_path / "cache" / PINS).read_text())


def test_first_fetch_pins_and_the_second_reads_the_cache(served, tmp_path):
    path = fetch(find(NAME))
    assert path == tmp_path / "cache" / served.name
    assert path.read_bytes() == b"the weights"
    assert pins(tmp_path) == {NAME: hashlib.sha256(b"the weights").hexdigest()}
    served.unlink()
    assert fetch(find(NAME)) == path


def test_pins_of_others_stay(served, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / PINS).write_text('{"other": "00"}')
    fetch(find(NAME))
    assert list(pins(tmp_path)) == ["other", NAME]


def test_damaged_cache_is_found(served):
    fetch(find(NAME)).write_bytes(b"the weighty")
    with pytest.raises(
        ZooError, match=r"SHA-256 \w+ instead of the pinned .*delete it"
    ):
        fetch(find(NAME))


def test_replaced_publication_is_refused_and_not_kept(served, tmp_path):
    path = fetch(find(NAME))
    path.unlink()
    served.write_bytes(b"other weights")
    with pytest.raises(
        ZooError, match=rf"served/{NAME}.*nothing was kept; if the new one is correct"
    ):
        fetch(find(NAME))
    assert {p.name for p in path.parent.iterdir() if p.suffix != ".lock"} == {PINS}
    # As the message says.
    (path.parent / PINS).write_text("{}")
    assert fetch(find(NAME)).read_bytes() == b"other weights"


def test_published_digest_is_stronger_than_a_pinned_one(served, tmp_path):
    fetch(find(NAME))
    entry = dataclasses.replace(find(NAME), sha256="ab" * 32)
    with pytest.raises(ZooError, match="instead of the pinned abab") as error:
        fetch(entry)
    assert PINS not in str(error.value)
    right = hashlib.sha256(b"the weights").hexdigest()
    assert fetch(dataclasses.replace(find(NAME), sha256=right)).exists()


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_pins_are_not_overwritten(served, tmp_path, text):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / PINS).write_text(text)
    with pytest.raises(ZooError, match=f"{PINS}: not a list of digests"):
        fetch(find(NAME))
    assert (tmp_path / "cache" / PINS).read_text() == text


def test_two_at_once_download_once(tmp_path, served):
    with serving(served.parent) as server:
        found = []
        threads = [
            threading.Thread(
                target=lambda: found.append(fetch(find(NAME), source=server.address))
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [tmp_path / "cache" / served.name] * 3
    assert server.asked == [""]


def test_places(tmp_path, monkeypatch):
    monkeypatch.delenv("DEEPLAB_CACHE", raising=False)
    monkeypatch.delenv("DEEPLAB_ZOO_SOURCE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    entry = find(NAME)
    assert cache_folder() == tmp_path / ".cache/deeplab"
    assert cache_folder("~/here") == tmp_path / "here"
    assert address(entry) == entry.url
    assert address(entry, "https://mirror/zoo/") == f"https://mirror/zoo/{NAME}.tar.gz"
    assert address(entry, str(tmp_path)) == f"file://{tmp_path}/{NAME}.tar.gz"
