from pathlib import Path

import pytest

from deeplab.predictions.image_files import find_images, videos_of


def test_images_that_differ_in_their_suffix_keep_it(tmp_path):
    for name in ("a.png", "a.jpg", "b.png"):
        (tmp_path / name).touch()
    names = find_images([tmp_path], Path("out"))
    assert {path.name: name for path, name in names.items()} == {
        "a.png": "a.png",
        "a.jpg": "a.jpg",
        "b.png": "b",
    }


def test_results_of_an_earlier_run_and_other_files_are_left_out(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("below/a.PNG", "out/a_overlay.png", "notes.txt"):
        (tmp_path / name).touch()
    names = find_images([tmp_path], tmp_path / "out")
    assert names == {tmp_path / "below/a.PNG": "below/a"}
    # A file that is named is taken as it is.
    assert find_images([tmp_path / "notes.txt"], Path("out")) == {
        tmp_path / "notes.txt": "notes"
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["missing.png"], r"missing\.png: no such file or directory"),
        (["empty"], "empty has no images"),
        (["a.png", "other/a.png"], "would both become a"),
    ],
)
def test_what_cannot_be_predicted_is_refused(names, message, tmp_path):
    for folder in ("empty", "other"):
        (tmp_path / folder).mkdir()
    for name in ("a.png", "other/a.png"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=message):
        find_images([tmp_path / name for name in names], tmp_path / "out")


def test_folders_are_videos_in_the_order_of_their_names():
    frames = [Path("b/1.png"), Path("a/2.png"), Path("a/1.png")]
    assert videos_of(frames) == [
        [Path("a/1.png"), Path("a/2.png")],
        [Path("b/1.png")],
    ]
    with pytest.raises(ValueError, match=r"b/1\.png is a single image"):
        videos_of(frames[:1])
