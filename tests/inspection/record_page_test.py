import re

import numpy as np
import pytest
from PIL import Image

from deeplab.data.shards import write_shards
from deeplab.datasets.toy_street.images import ToyStreet
from deeplab.inspection.record_page import choose_records, write_record_page
from deeplab.inspection.record_pictures import describe_label
from tests.visualization import scene

INFO = ToyStreet(images=1).info


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    images = ToyStreet(images=7, height=33, width=65).read(folder, "train")
    write_shards(images, folder, split="train", num_shards=2, workers=1, settings={})
    return [str(folder / "train-*.tfrecord")]


def test_records_are_spread_over_the_files(records):
    chosen = choose_records(records, 3, INFO)
    assert [place.number for place in chosen] == [0, 1, 2]
    assert len({place.path for place in chosen}) == 2
    assert len(choose_records(records, 100, INFO)) == 7


def test_a_file_without_records_is_named(tmp_path):
    (tmp_path / "empty.tfrecord").touch()
    with pytest.raises(ValueError, match=r"empty\.tfrecord"):
        choose_records([str(tmp_path / "empty.tfrecord")], 3, INFO)


def test_the_page_shows_every_record(records, tmp_path):
    chosen = choose_records(records, 4, INFO)
    drawn = []
    write_record_page(
        chosen, INFO, tmp_path / "a", "title", advance=lambda: drawn.append(1)
    )
    assert len(drawn) == 4
    text = (tmp_path / "a/index.html").read_text()
    assert "<title>title</title>" in text
    sources = re.findall(r'src="([^"]+)"', text)
    assert len(set(sources)) == 8
    assert {Image.open(tmp_path / "a" / source).size for source in sources} == {
        (65, 33)
    }
    write_record_page(chosen, INFO, tmp_path / "b", "title", workers=2)
    assert (tmp_path / "b/index.html").read_text() == text


def test_a_label_is_described_by_its_largest_classes():
    label = scene.labels()
    info = scene.info()
    areas = {c.name: np.sum(label // 1000 == c.id) for c in info.classes}
    text = describe_label(label, info)
    names = re.findall(r"(\w+)(?: \(\d\))?[,;]", text)
    assert names == sorted(areas, key=lambda name: -areas[name])
    assert "car (2)" in text
    assert "person (1)" in text
    assert text.endswith(f"void {np.mean(label == 255_000):.0%}")
