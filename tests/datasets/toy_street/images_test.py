import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from deeplab.datasets.toy_street.drawing import draw
from deeplab.datasets.toy_street.images import ToyStreet, draw_frames
from deeplab.datasets.toy_street.scene import random_scene

INFO = ToyStreet().info
ROAD, CAR, PERSON, LIGHT = 2, 5, 6, 7


def frames(count=12):
    return [draw(random_scene(seed), INFO, 129, 257) for seed in range(count)]


def test_labels_hold_known_ids_and_every_class_shows():
    seen = set()
    for frame in frames():
        values = np.unique(frame.label)
        class_ids = values // INFO.label_divisor
        assert set(class_ids) <= {*INFO.by_id, INFO.ignore_label}
        stuff = np.isin(class_ids, [*INFO.stuff_ids, INFO.ignore_label])
        assert (values[stuff] % INFO.label_divisor == 0).all()
        seen |= set(class_ids)
    assert seen == {*INFO.by_id, INFO.ignore_label}


def test_instances_have_something_to_show():
    for frame in frames():
        values, pixels = np.unique(frame.label, return_counts=True)
        things = values % INFO.label_divisor > 0
        assert things.any()
        assert (pixels[things] >= 0.0012 * frame.label.size).all()


def test_crowds_are_drawn():
    crowd = [PERSON * INFO.label_divisor in np.unique(f.label) for f in frames()]
    assert any(crowd)
    assert not all(crowd)


def test_image_and_label_agree():
    """The mean colour of the road differs from that of the sky in every scene."""
    for frame in frames():
        class_ids = frame.label // INFO.label_divisor
        sky = frame.image[class_ids == 0].mean(0)
        road = frame.image[class_ids == ROAD].mean(0)
        assert np.abs(sky - road).max() > 25


def test_depth_is_that_of_the_plane_of_the_road():
    """A ground row v pixels below the horizon lies focal * 1.8 / v metres away."""
    scene = random_scene(3)
    frame = draw(scene, INFO, 129, 257)
    rows, columns = np.nonzero(frame.label == ROAD * INFO.label_divisor)
    below = rows - scene.horizon * 129
    expected = np.minimum(1.25 * 129 * 1.8 / np.maximum(below, 0.5), 120)
    np.testing.assert_allclose(frame.depth[rows, columns], expected, rtol=1e-5)
    assert (frame.depth[frame.label == 0] == 0).all()


def test_depth_decreases_to_what_covers():
    """Every thing is nearer than the horizon and farther than the near limit."""
    for frame in frames(4):
        things = frame.label // INFO.label_divisor
        depth = frame.depth[np.isin(things, (CAR, PERSON, LIGHT))]
        assert depth.min() >= 2.5
        assert depth.max() < 40


def test_consecutive_frames_move_and_keep_ids():
    first, second = draw_frames(5, INFO, 129, 257)
    assert not np.array_equal(first.label, second.label)
    shared = np.intersect1d(first.label, second.label)
    shared = [i for i in shared if i % INFO.label_divisor]
    assert shared
    for i in shared:
        before, after = (np.argwhere(f.label == i).mean(0) for f in (first, second))
        assert np.abs(before - after).max() < 20


def test_seeded():
    one = draw(random_scene(7), INFO, 65, 129)
    same = draw(random_scene(7), INFO, 65, 129)
    other = draw(random_scene(8), INFO, 65, 129)
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.label, same.label)
    assert not np.array_equal(one.label, other.label)


@pytest.mark.parametrize("size", [(32, 32), (33, 65), (200, 100), (257, 513)])
def test_any_size(size):
    frame = draw(random_scene(1), INFO, *size)
    assert frame.image.shape == (*size, 3)
    assert frame.label.shape == frame.depth.shape == size


def test_splits_seeds_and_numbers_give_different_scenes():
    def digests(split, **options):
        images = ToyStreet(images=3, height=33, width=65, **options).read(None, split)
        return {hashlib.sha256(i.load().image).hexdigest() for i in images}

    train, val, seeded = digests("train"), digests("val"), digests("train", seed=1)
    assert len(train | val | seeded) == 9
    assert digests("train") == train


def test_loaded_images_are_jpeg_files_of_that_size():
    image = ToyStreet(images=1, height=40, width=50).read(None, "val")[0]
    assert image.name == "val_000000"
    loaded = image.load()
    with Image.open(io.BytesIO(loaded.image)) as opened:
        assert (opened.format, opened.size, opened.mode) == ("JPEG", (50, 40), "RGB")
    assert loaded.label.shape == (40, 50)


def test_crowd_as_ignore():
    def labels(**options):
        dataset = ToyStreet(images=10)
        return np.stack([i.load().label for i in dataset.read(None, "x", **options)])

    kept, ignored = labels(), labels(crowd_as_ignore=True)
    crowd = kept == PERSON * INFO.label_divisor
    assert crowd.any()
    assert (ignored[crowd] == 255_000).all()
    np.testing.assert_array_equal(kept[~crowd], ignored[~crowd])


@pytest.mark.parametrize("options", [{"images": 0}, {"height": 20}, {"width": 3}])
def test_what_cannot_be_drawn_is_refused(options):
    with pytest.raises(ValueError, match="toy_street: "):
        DATASETS.get("toy_street")(**options)
