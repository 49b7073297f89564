import errno
import json
import shutil
from types import SimpleNamespace

import pytest

from deeplab.zoo.download import download
from deeplab.zoo.table import ZooError
from tests.zoo.server import serving

DATA = bytes(range(256)) * 40


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "model.tar.gz").write_bytes(DATA)
    with serving(folder) as served:
        yield served


def fetched(server, tmp_path, **options):
    target = tmp_path / "cache" / "model.tar.gz"
    options = {"pause_seconds": 0, **options}
    download(f"{server.address}/model.tar.gz", target, **options)
    assert [p.name for p in target.parent.iterdir()] == ["model.tar.gz"]
    return target.read_bytes()


def test_whole_file_with_progress(server, tmp_path):
    seen = []
    data = fetched(server, tmp_path, progress=lambda *step: seen.append(step))
    assert data == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert server.asked == [""]


def test_file_address(tmp_path):
    source = tmp_path / "with space.bin"
    source.write_bytes(DATA)
    download(source.as_uri(), tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == DATA


def test_broken_connection_is_taken_up_where_it_ended(server, tmp_path):
    server.break_after = [1000, 500]
    assert fetched(server, tmp_path) == DATA
    assert server.asked == ["", "bytes=1000-", "bytes=1500-"]


def test_second_call_goes_on_with_what_the_first_left(server, tmp_path):
    server.break_after = [3000]
    with pytest.raises(ZooError, match=r"ended after 3000 of 10240 bytes; 3000 bytes"):
        fetched(server, tmp_path, attempts=1)
    assert fetched(server, tmp_path) == DATA
    assert server.asked == ["", "bytes=3000-"]


def test_changed_file_is_not_joined_with_an_old_part(server, tmp_path):
    server.break_after = [3000]
    with pytest.raises(ZooError):
        fetched(server, tmp_path, attempts=1)
    server.tag = '"2"'
    (tmp_path / "served/model.tar.gz").write_bytes(DATA[::-1])
    assert fetched(server, tmp_path) == DATA[::-1]
    assert server.asked == ["", "bytes=3000-"]


@pytest.mark.parametrize("tag", ["", 'W/"1"'])
def test_server_without_versions_starts_over(server, tmp_path, tag):
    server.tag = tag
    server.break_after = [3000]
    assert fetched(server, tmp_path) == DATA
    assert server.asked == ["", ""]


def test_server_without_ranges_starts_over(server, tmp_path):
    server.ranges = False
    server.break_after = [3000]
    assert fetched(server, tmp_path) == DATA


def test_part_of_another_address_is_left(server, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "model.tar.gz.part").write_bytes(b"of elsewhere")
    note = {"url": "http://elsewhere/model.tar.gz", "version": '"1"'}
    (cache / "model.tar.gz.part.json").write_text(json.dumps(note))
    assert fetched(server, tmp_path) == DATA
    assert server.asked == [""]


def test_part_longer_than_the_file_is_dropped(server, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "model.tar.gz.part").write_bytes(DATA + b"more")
    note = {"url": f"{server.address}/model.tar.gz", "version": '"1"'}
    (cache / "model.tar.gz.part.json").write_text(json.dumps(note))
    assert fetched(server, tmp_path) == DATA
    assert server.asked == [f"bytes={len(DATA) + 4}-", ""]


def test_absent_file_is_not_asked_for_twice(server, tmp_path):
    with pytest.raises(ZooError, match=r"absent: the server answers 404 .*--source"):
        download(f"{server.address}/absent", tmp_path / "absent", pause_seconds=0)
    assert server.asked == [""]
    with pytest.raises(ZooError, match="no such file"):
        download((tmp_path / "absent").as_uri(), tmp_path / "copy")


def test_busy_server_is_asked_again(server, tmp_path):
    server.status = 503
    with pytest.raises(ZooError, match=r"answers 503 .*; 0 bytes are kept"):
        fetched(server, tmp_path)
    assert len(server.asked) == 3


def test_no_server(tmp_path):
    # Port 9 is that of the discard service, which nothing runs.
    with pytest.raises(ZooError, match=r"no connection \(.*refused"):
        download("http://127.0.0.1:9/x", tmp_path / "x", pause_seconds=0)


def test_full_disk_is_told_before_anything_comes(server, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5000))
    with pytest.raises(OSError, match="are free; choose another folder") as caught:
        fetched(server, tmp_path)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("url", ["ftp://host/file", "data:,text", "model.tar.gz"])
def test_other_addresses_are_refused(url, tmp_path):
    with pytest.raises(ZooError, match="has to start with file, http, https"):
        download(url, tmp_path / "file")
