import dataclasses
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from deeplab.cli import main
from deeplab.inference.exported import load
from deeplab.predictions import FORMATS
from tests.export.tiny import export_tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return export_tiny(tmp_path_factory.mktemp("predict") / "model")


def picture(height, width):
    """Sky over road, with a car: what the tiny model tells apart."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2] = (0, 0, 255)
    image[height // 2 : height // 2 + 4, 2:8] = (255, 0, 0)
    return Image.fromarray(image)


def run(model, output, *images):
    words = ["predict", f"--model={model}", f"--output={output}", "--images"]
    return main.main([*words, *map(str, images)])


def read_labels(path):
    channels = np.asarray(Image.open(path)).astype(int)
    return channels[..., 0] + 256 * channels[..., 1] + 65536 * channels[..., 2]


def test_files_and_folders_of_any_size(model, tmp_path, capsys):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    picture(20, 30).save(folder / "a.png")
    picture(70, 40).save(folder / "below" / "b.tif")
    picture(33, 33).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    (folder / "notes.txt").write_text("no image")
    output = folder / "out"
    for _ in range(2):  # The results inside the folder are not predicted again.
        assert run(model, output, folder, tmp_path / "c.jpg") == 0
        files = {p.relative_to(output).as_posix() for p in output.rglob("*.*")}
        assert files == {
            f"{name}{suffix}"
            for name in ("a", "below/b", "c")
            for suffix in ("_overlay.png", "_panoptic.png", ".json")
        }
    assert "3 images predicted" in capsys.readouterr().out
    assert Image.open(output / "below" / "b_overlay.png").size == (40, 70)


def test_segments_and_labels_agree(model, tmp_path):
    picture(20, 30).save(tmp_path / "a.png")
    assert run(model, tmp_path / "out", tmp_path / "a.png") == 0
    result = json.loads((tmp_path / "out" / "a.json").read_text())
    assert result.pop("segments") == [
        {
            "id": 0, "class_id": 0, "class": "road", "is_thing": False,
            "area": 276, "score": None, "bbox": [0, 10, 30, 10],
        },
        {
            "id": 1000, "class_id": 1, "class": "sky", "is_thing": False,
            "area": 300, "score": None, "bbox": [0, 0, 30, 10],
        },
        {
            "id": 2001, "class_id": 2, "class": "car", "is_thing": True,
            "area": 24, "score": 0.75, "bbox": [2, 10, 6, 4],
        },
    ]  # fmt: skip
    assert result == {
        "image": str(tmp_path / "a.png"),
        "height": 20,
        "width": 30,
        "label_divisor": 1000,
    }
    labels = read_labels(tmp_path / "out" / "a_panoptic.png")
    assert (labels[10:14, 2:8] == 2001).all()
    assert [(labels == i).sum() for i in (0, 1000, 2001)] == [276, 300, 24]


def test_a_bad_image_is_named_and_the_others_are_done(model, tmp_path, capsys):
    picture(20, 30).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    (tmp_path / "text.jpg").write_text("no image")
    assert run(model, tmp_path / "out", tmp_path) == 1
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "good_overlay.png",
        "good_panoptic.png",
        "good.json",
    }
    printed = capsys.readouterr()
    shown = "".join(printed.err.split())
    assert "bad.png:notareadableimage" in shown
    assert "text.jpg:notanimage" in shown
    assert "1 images predicted" in printed.out


def test_a_model_of_classes_alone(tmp_path):
    model = export_tiny(tmp_path / "model", fields=["semantic_pred"])
    picture(20, 30).save(tmp_path / "a.png")
    assert run(model, tmp_path / "out", tmp_path / "a.png") == 0
    labels = read_labels(tmp_path / "out" / "a_panoptic.png")
    assert (labels[10:14, 2:8] == 2000).all()
    assert (tmp_path / "out" / "a_overlay.png").exists()


def test_a_model_without_classes_is_refused(tmp_path, capsys):
    model = export_tiny(tmp_path / "model", fields=["instance_scores"])
    picture(20, 30).save(tmp_path / "a.png")
    assert run(model, tmp_path / "out", tmp_path / "a.png") == 2
    assert "neither panoptic_pred nor semantic_pred" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["missing.png"], "missing.png: no such file or directory"),
        (["empty"], "empty has no images"),
        (["a.png", "other/a.png"], "would both become a"),
    ],
)
def test_what_cannot_be_predicted_is_said(images, message, tmp_path, capsys):
    for folder in ("empty", "other"):
        (tmp_path / folder).mkdir()
    for name in ("a.png", "other/a.png"):
        picture(20, 30).save(tmp_path / name)
    paths = [tmp_path / name for name in images]
    assert run(tmp_path / "no_model", tmp_path / "out", *paths) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_model_is_said(tmp_path, capsys):
    picture(20, 30).save(tmp_path / "a.png")
    assert run(tmp_path / "no_model", tmp_path / "out", tmp_path / "a.png") == 2
    assert "deeplab export" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("layout", "files"),
    [
        ("coco_panoptic", ["panoptic/below/7.png", "panoptic.json"]),
        ("coco_instances", ["instances.json"]),
        ("kitti_step", ["below/7.png"]),
        ("semantic_png", ["below/7.png"]),
        ("two_channel_numpy_array", ["below/7.npy"]),
    ],
)
def test_files_of_a_server_and_their_archive(layout, files, model, tmp_path, capsys):
    (tmp_path / "images/below").mkdir(parents=True)
    picture(20, 30).save(tmp_path / "images/below/7.png")
    output = tmp_path / "out"
    words = [f"--model={model}", f"--output={output}", f"--format={layout}", "--zip"]
    images = ["--images", str(tmp_path / "images")]
    assert main.main(["predict", *words, *images]) == 0
    found = sorted(p for p in output.rglob("*") if p.is_file())
    assert [p.relative_to(output).as_posix() for p in found] == files
    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        assert packed.namelist() == files
    assert "out.zip: packed" in capsys.readouterr().out
    chosen = FORMATS.get(layout)()
    info = dataclasses.replace(load(model).info, label_divisor=1000)
    (stored,) = chosen.read(output / chosen.index, info).values()
    label_map = stored.load()
    assert (label_map.panoptic[10:14, 2:8] // 1000 == 2).all()
    if layout == "coco_instances":
        assert (label_map.scores[10:14, 2:8] == 0.75).all()


def test_a_format_of_instances_needs_them(tmp_path, capsys):
    model = export_tiny(tmp_path / "model", fields=["semantic_pred"])
    picture(20, 30).save(tmp_path / "a.png")
    words = [f"--model={model}", f"--output={tmp_path}/out", "--format=coco_panoptic"]
    images = ["--images", str(tmp_path / "a.png")]
    assert main.main(["predict", *words, *images]) == 2
    assert "does not return panoptic_pred" in capsys.readouterr().err
    words[-1] = "--format=coco_panoptics"
    assert main.main(["predict", *words, *images]) == 2
    assert "did you mean coco_panoptic" in capsys.readouterr().err
