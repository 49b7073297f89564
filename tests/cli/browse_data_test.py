import re

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main
from deeplab.data.shards import write_shards
from deeplab.datasets.base import LoadedImage, RawImage
from deeplab.datasets.toy_street.images import ToyStreet


def write(folder, images, shards=2):
    write_shards(
        images, folder, split="train", num_shards=shards, workers=1, settings={}
    )
    return str(folder / "train-*.tfrecord")


def browse(*arguments):
    return main(["--traceback", "browse-data", "--workers", "1", *map(str, arguments)])


def test_a_page_shows_images_with_their_labels(tmp_path, capsys):
    images = ToyStreet(images=6, height=33, width=65).read(tmp_path, "train")
    records = write(tmp_path / "records", images)
    page = tmp_path / "page"
    words = ["--records", records, "--dataset", "toy_street", "--output", page]
    assert browse(*words) == 0
    assert f"6 images: {page / 'index.html'}" in capsys.readouterr().out
    text = (page / "index.html").read_text()
    assert text.count("<figure") == 6
    assert "road" in text
    for source in re.findall(r'src="([^"]+)"', text):
        assert Image.open(page / source).size == (65, 33)
    image, labels = (
        np.asarray(Image.open(page / f"images/000000_{kind}.jpg"), np.int32)
        for kind in ("image", "labels")
    )
    assert np.abs(image - labels).mean() > 10
    assert browse(*words, "--limit", 3) == 0
    assert (page / "index.html").read_text().count("<figure") == 3


def test_every_camera_of_a_record_is_shown(tmp_path):
    image, other = ToyStreet(images=2, height=33, width=65).read(tmp_path, "train")
    other = other.load()._replace(camera="side_left")
    loaded = image.load()._replace(camera="front", others=(other,))
    raw = RawImage("moment", lambda: loaded, "moment.png")
    records = write(tmp_path / "records", [raw], 1)
    name = "wod_pvps_image_panoptic_seg_multicam"
    words = ["--records", records, "--dataset", name, "--output", tmp_path / "page"]
    assert browse(*words) == 0
    text = (tmp_path / "page/index.html").read_text()
    assert text.count("<figure") == 2
    assert "moment_front" in text
    assert "moment_side_left" in text


def test_names_cannot_add_to_the_page(tmp_path):
    image = Image.new("RGB", (8, 8))
    image.save(tmp_path / "a.png")
    raw = RawImage(
        "<script>alert(1)</script>",
        lambda: LoadedImage((tmp_path / "a.png").read_bytes()),
        "a.png",
    )
    records = write(tmp_path / "records", [raw], 1)
    words = ["--records", records, "--dataset", "toy_street", "--output", tmp_path]
    assert browse(*words) == 0
    text = (tmp_path / "index.html").read_text()
    assert "<script>alert" not in text
    assert "no label" in text


def test_bad_requests_are_refused(tmp_path):
    words = ["--dataset", "toy_street", "--output", tmp_path / "page"]
    with pytest.raises((ValueError, OSError), match="absent"):
        browse("--records", tmp_path / "absent*", *words)
    (tmp_path / "broken.tfrecord").write_bytes(b"no record")
    with pytest.raises(ValueError, match=r"broken\.tfrecord"):
        browse("--records", tmp_path / "broken.tfrecord", *words)
    with pytest.raises(ValueError, match="at least one"):
        browse("--records", tmp_path / "broken.tfrecord", *words, "--limit", 0)
