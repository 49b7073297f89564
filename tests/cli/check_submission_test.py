"""Sound predictions pass in every format; what a server refuses is named."""

import json

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main
from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.archive import write_zip
from deeplab.predictions.base import LabelMap

STREETS = ("aachen/aachen_000000_000019", "bonn/bonn_000000_000019")
VIDEO = ("0001/000000", "0001/000001")
# Format -> data set, and images as they lie in their folder, without ending.
CASES = {
    "coco_panoptic": ("coco_panoptic", ("000000000139", "000000000285")),
    "coco_instances": ("coco_panoptic", ("000000000139", "000000000285")),
    "cityscapes_panoptic": ("cityscapes_panoptic", STREETS),
    "cityscapes_pixel": ("cityscapes_panoptic", STREETS),
    "cityscapes_instances": ("cityscapes_panoptic", STREETS),
    "ade20k": ("ade20k_semantic", ("ADE_val_00000001", "ADE_val_00000002")),
    "kitti_step": ("kitti_step", VIDEO),
    "motchallenge_step": ("motchallenge_step", ("0001/img1/000001",)),
    "cityscapes_dvps": ("cityscapes_dvps", ("0001_0000_aachen", "0001_0001_aachen")),
    "semkitti_dvps": ("semkitti_dvps", ("000000_000000", "000000_000001")),
}


@pytest.fixture
def made(tmp_path):
    """Writes images and a prediction of each; returns the folder of predictions."""

    def make(name):
        dataset, images = CASES.get(name, ("cityscapes_panoptic", ("a", "b")))
        info = DATASETS.get(dataset)().info
        layout = FORMATS.get(name)()
        folder = tmp_path / "out"
        folder.mkdir()
        labels = np.full((6, 8), info.stuff_ids[0] * info.label_divisor, np.int32)
        if info.thing_ids:
            labels[:3] = info.thing_ids[0] * info.label_divisor + 1
        sink = layout.writer(folder / layout.index, info)
        for image in images:
            picture = tmp_path / "images" / f"{image}_leftImg8bit.png"
            if "aachen" not in image and "bonn" not in image:
                picture = tmp_path / "images" / f"{image}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 6)).save(picture)
            depth = np.ones((6, 8), np.float32) if "dvps" in name else None
            sink.write(image, LabelMap(labels, np.full((6, 8), 0.5, "f4"), depth))
        sink.close()
        return folder

    return make


def check(name, path, *more):
    dataset = CASES.get(name, ("cityscapes_panoptic", ()))[0]
    images = path.parent / "images"
    words = ["--format", name, "--dataset", dataset, "--images", str(images), *more]
    return main(["check-submission", str(path), *words])


@pytest.mark.parametrize("name", FORMATS.names())
def test_what_the_writers_write_is_sound(name, made, capsys):
    folder = made(name)
    assert check(name, folder) == 0
    assert "no problem found" in capsys.readouterr().out
    archive = folder.with_name("out.zip")
    write_zip(folder, archive)
    assert check(name, archive) == 0


@pytest.mark.parametrize("name", FORMATS.names())
def test_images_and_predictions_that_do_not_belong_together(name, made, capsys):
    folder = made(name)
    (first, *others) = sorted((folder.parent / "images").rglob("*.png"))
    Image.new("RGB", (9, 6)).save(first)
    for path in others:
        path.unlink()
    extra = first.with_name(f"{first.name[:-5]}7.png")
    if "Img8bit" in first.name:
        extra = first.with_name("aachen_000099_000019_leftImg8bit.png")
        if "dvps" in name:
            extra = first.with_name("0001_0007_aachen_leftImg8bit.png")
    Image.new("RGB", (8, 6)).save(extra)
    assert check(name, folder) == 1
    out = capsys.readouterr().out
    assert "labels of 6 x 8 pixels; the image has 6 x 9" in out
    assert ("depth of 6 x 8 pixels" in out) == ("dvps" in name)
    assert ("not one of the images" in out) == bool(others)
    if name != "coco_instances":
        assert "no prediction of this image" in out


def test_a_list_of_names_tells_what_is_missing(made, capsys, tmp_path):
    folder = made("ade20k")
    listed = tmp_path / "list.txt"
    listed.write_text("validation/ADE_val_00000001.jpg\nADE_val_00000003\n\n")
    assert check("ade20k", folder, "--images", str(listed)) == 1
    out = capsys.readouterr().out
    assert "ADE_val_00000003: no prediction" in out
    assert "ADE_val_00000002: not one of the images" in out
    assert "ADE_val_00000001" not in out


def test_ids_and_bits_that_a_server_refuses(made, capsys):
    folder = made("cityscapes_pixel")
    (file, _) = sorted(folder.glob("*.png"))
    for pixels, message in (
        (np.full((6, 8), 7, np.uint16), "a PNG of mode I;16, not 8-bit grey"),
        (np.full((6, 8), 255, np.uint8), "id 255, which is not a label id; void is 0"),
        (np.full((6, 8), 34, np.uint8), "ids [34] are not evaluation ids"),
        (np.zeros((6, 8, 3), np.uint8), "not a class map, but an image of mode RGB"),
    ):
        Image.fromarray(pixels).save(file)
        assert check("cityscapes_pixel", folder) == 1
        out = capsys.readouterr().out
        assert message in out
        assert out.count("problem") == 1
        assert file.name.removesuffix(".png") in out


def test_a_listed_segment_without_pixels_is_refused(made, capsys):
    folder = made("coco_panoptic")
    index = folder / "panoptic.json"
    content = json.loads(index.read_text())
    segment = {"id": 77, "category_id": 1}
    content["annotations"][0]["segments_info"].append(segment)
    index.write_text(json.dumps(content))
    assert check("coco_panoptic", folder) == 1
    assert "segments [77] of the JSON have no pixel" in capsys.readouterr().out
    segment["area"] = 3
    index.write_text(json.dumps(content))
    assert check("coco_panoptic", folder) == 1
    assert "segment 77 has 0 pixels" in capsys.readouterr().out


@pytest.mark.parametrize("segment", [{}, {"id": 1}, {"id": "1", "category_id": "1"}])
def test_a_segment_without_ids_is_refused(segment, made, capsys):
    folder = made("cityscapes_panoptic")
    index = folder / "panoptic.json"
    content = json.loads(index.read_text())
    content["annotations"][0]["segments_info"] = [segment]
    index.write_text(json.dumps(content))
    assert check("cityscapes_panoptic", folder) == 1
    assert "panoptic.json: not panoptic annotations" in capsys.readouterr().out


def test_masks_that_overlap_are_named(made, capsys):
    folder = made("cityscapes_instances")
    (listed, _) = sorted(folder.glob("*.txt"))
    listed.write_text(listed.read_text() * 2)
    write_zip(folder, folder.with_name("out.zip"))
    assert check("cityscapes_instances", folder.with_name("out.zip")) == 1
    out = capsys.readouterr().out
    assert "masks overlap" in out
    # Where it was unpacked says nothing.
    assert f" {listed.name}: masks" in out


def test_what_cannot_be_checked_is_said(made, tmp_path, capsys):
    folder = made("coco_panoptic")
    (folder / "second.json").write_text("{}")
    for words, message in (
        (["--dataset", "coco_panoptic"], "exactly one JSON here"),
        ([], "needs --dataset or --description"),
        (["--dataset", "coco_panoptic", "--images", "none"], "none: no such file"),
    ):
        line = ["check-submission", str(folder), "--format", "coco_panoptic", *words]
        assert main(line) == 2
        assert message in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    words = ["--format", "ade20k", "--dataset", "ade20k_semantic"]
    assert main(["check-submission", str(tmp_path / "empty"), *words]) == 1
    assert "has no *.png files" in capsys.readouterr().out
    assert main(["check-submission", str(tmp_path / "absent"), *words]) == 2
    empty = ["--images", str(tmp_path / "empty")]
    assert main(["check-submission", str(folder), *words, *empty]) == 2
    assert "no images here" in capsys.readouterr().err
