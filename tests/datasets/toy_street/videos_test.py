import io
import itertools

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from deeplab.datasets.toy_street.videos import ToyStreetVideo

SIZE = {"height": 65, "width": 129}


def loaded(split="train", **options):
    dataset = ToyStreetVideo(**SIZE, **options)
    return [image.load() for image in dataset.read(None, split)]


@pytest.fixture(scope="module")
def videos():
    return loaded(images=12, frames=5)


def test_frames_are_named_by_video():
    images = ToyStreetVideo(images=12, frames=5, **SIZE).read(None, "val")
    assert [i.name for i in images[4:7]] == [
        "val_0000_000004",
        "val_0001_000000",
        "val_0001_000001",
    ]
    assert images[-1].name == "val_0002_000001"
    assert sorted(i.name for i in images) == [i.name for i in images]


def test_neighbours_are_the_frames_before_and_after(videos):
    for before, after in itertools.pairwise(videos):
        if before.sequence_id == after.sequence_id:
            assert int(after.frame_id) == int(before.frame_id) + 1
            assert after.previous.image == before.image
            assert before.next.image == after.image
            np.testing.assert_array_equal(after.previous.label, before.label)
            np.testing.assert_array_equal(before.next.label, after.label)
        else:
            assert after.frame_id == "000000"
            assert after.previous.image == after.image
            np.testing.assert_array_equal(after.previous.label, after.label)


def test_frames_move_and_instances_keep_their_ids(videos):
    for frame in videos:
        assert not np.array_equal(frame.label, frame.next.label)
        instances = [i for i in np.unique(frame.label) if i % 1000]
        kept = np.intersect1d(instances, frame.next.label)
        assert len(kept) >= 0.5 * len(instances)
        for i in kept:
            before, after = (
                np.argwhere(x == i).mean(0) for x in (frame.label, frame.next.label)
            )
            assert np.abs(before - after).max() < 12


def test_depth_is_that_of_the_frame(videos):
    for frame in videos:
        assert frame.depth.shape == (65, 129)
        assert frame.depth.dtype == np.float32
        sky = frame.label == 0
        assert (frame.depth[sky] == 0).all()
        assert 1 <= frame.depth[~sky].max() <= 120


def test_splits_and_seeds_differ_and_repeat():
    train, again = loaded(images=1), loaded(images=1)
    assert train[0].image == again[0].image
    others = [loaded("val", images=1), loaded(images=1, seed=1)]
    assert all(other[0].image != train[0].image for other in others)


def test_crowd_as_ignore():
    dataset = ToyStreetVideo(images=12, frames=1, **SIZE)
    kept, ignored = (
        [i.load() for i in dataset.read(None, "x", crowd_as_ignore=flag)]
        for flag in (False, True)
    )
    crowds = 0
    for with_crowd, without in zip(kept, ignored, strict=True):
        for a, b in (
            (with_crowd.label, without.label),
            (with_crowd.next.label, without.next.label),
        ):
            crowd = np.isin(a, [5000, 6000, 7000])
            crowds += crowd.sum()
            assert (b[crowd] == 255_000).all()
            np.testing.assert_array_equal(a[~crowd], b[~crowd])
    assert crowds


def test_description():
    info = ToyStreetVideo().info
    assert (info.is_video, info.is_depth, info.ignore_depth) == (True, True, 0)
    assert info.classes == DATASETS.get("toy_street")().info.classes


def test_images_are_jpeg_files_of_that_size(videos):
    for data in (videos[0].image, videos[0].next.image):
        with Image.open(io.BytesIO(data)) as opened:
            assert (opened.format, opened.size) == ("JPEG", (129, 65))


@pytest.mark.parametrize("options", [{"images": 0}, {"height": 20}, {"frames": 0}])
def test_what_cannot_be_drawn_is_refused(options):
    with pytest.raises(ValueError, match="toy_street_video: "):
        DATASETS.get("toy_street_video")(**options)
