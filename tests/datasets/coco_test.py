import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from deeplab.cli.main import main
from deeplab.data.encoded_label import decode_label
from deeplab.data.geometry import Resizing
from deeplab.data.photometric import ColorRanges
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import Augmentation, PipelineConfig
from deeplab.data.shards import read_records
from deeplab.data.stored_example import stored_example
from deeplab.data.tfexample import read_example
from deeplab.datasets import DATASETS
from tests.datasets import trees

SHARED = Path(__file__).parents[3] / "shared"


def read(root, **options):
    return DATASETS.get("coco_panoptic")().read(root, "val", **options)


@pytest.fixture
def root(tmp_path):
    return trees.coco_tree(tmp_path)


def test_label_worked_out_by_hand(root):
    images = read(root)
    assert [i.name for i in images] == ["000000000001", "000000000002"]
    loaded = images[0].load()
    assert loaded.label.dtype == np.int32
    np.testing.assert_array_equal(loaded.label, trees.coco_label(crowd=256))
    assert loaded.image == (root / "val2017/000000000001.jpg").read_bytes()


def test_crowd_as_ignore(root):
    label = read(root, crowd_as_ignore=True)[0].load().label
    np.testing.assert_array_equal(label, trees.coco_label(crowd=0))


def test_test_images_have_no_labels(tmp_path):
    trees.photo(tmp_path / "test2017/000000000003.jpg")
    (image,) = DATASETS.get("coco_panoptic")().read(tmp_path, "test")
    assert image.load().label is None


def rewrite(root, change):
    """Changes the annotations of the first image."""
    path = root / "annotations/panoptic_val2017.json"
    content = json.loads(path.read_text())
    change(content["annotations"][0])
    path.write_text(json.dumps(content))


def segment(annotation, **changes):
    annotation["segments_info"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: segment(a, category_id=12),
            r"000000000001\.png: segment 1 has category 12, which is not in data set",
        ),
        (
            lambda a: a["segments_info"].pop(),
            r"pixel \(row 4, column 8\) has id 300, which the JSON does not list",
        ),
        (lambda a: segment(a, area=47), "segment 1 has 48 pixels, but area 47"),
        (lambda a: segment(a, iscrowd=1), "segment 1 is a crowd of a stuff class"),
        (lambda a: segment(a, id=5), "segment 5 has 0 pixels, but area 48"),
    ],
)
def test_annotations_that_do_not_fit(root, change, message):
    rewrite(root, change)
    with pytest.raises(ValueError, match=message):
        read(root)[0].load()


def test_a_path_that_climbs_out_of_the_root(root):
    rewrite(root, lambda a: a.update(file_name="../../val2017/000000000001.png"))
    with pytest.raises(ValueError, match="points outside"):
        read(root)[0].load()


def test_an_image_that_the_json_does_not_list(root):
    trees.photo(root / "val2017/000000000009.jpg")
    with pytest.raises(ValueError, match=r"000000000009\.jpg: .* has no annotation"):
        read(root)


def test_a_missing_label_is_named(root):
    (root / "annotations/panoptic_val2017/000000000001.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"000000000001\.png"):
        read(root)[0].load()


def test_a_broken_label_is_named(root):
    path = root / "annotations/panoptic_val2017/000000000001.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"000000000001\.png: not a readable image"):
        read(root)[0].load()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"annotations": [{"file_na',
            r"val2017\.json:1: not JSON .*is the file complete",
        ),
        ('{"images": []}', "not panoptic annotations"),
        ("[]", "not panoptic annotations"),
    ],
)
def test_a_truncated_or_foreign_json(root, text, message):
    (root / "annotations/panoptic_val2017.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(root)


def test_an_image_listed_twice(root):
    path = root / "annotations/panoptic_val2017.json"
    entry = json.loads(path.read_text())["annotations"][0]
    trees.write_json(path, [entry, entry])
    with pytest.raises(ValueError, match="'000000000001' is listed twice"):
        read(root)


def test_too_many_instances_for_the_divisor(root):
    ids = np.arange(1, 301).reshape(15, 20)
    trees.photo(root / "val2017/000000000001.jpg", 15, 20)
    path = root / "annotations/panoptic_val2017/000000000001.png"
    trees.segment_png(ids, path)
    people = [
        {"id": i, "category_id": 1, "iscrowd": 0, "area": 1} for i in range(1, 301)
    ]
    rewrite(root, lambda a: a.update(segments_info=people))
    with pytest.raises(ValueError, match="more than 255 instances of 'person'"):
        read(root)[0].load()


def test_wrong_root_and_wrong_split(tmp_path):
    with pytest.raises(
        ValueError, match=r"no \*\.jpg images here; is the root correct"
    ):
        read(tmp_path)
    with pytest.raises(ValueError, match="no split 'dev'; known: train, val, test"):
        DATASETS.get("coco_panoptic")().read(tmp_path, "dev")


@pytest.fixture
def real(tmp_path):
    """The root of two images of COCO, and the records the published tool made."""
    sample = SHARED / "data/coco_sample"
    published = SHARED / "parity/records/coco_val_sample.tfrecord"
    if not (sample.exists() and published.exists()):
        pytest.skip("the real COCO images are not beside this checkout")
    root = tmp_path / "coco"
    shutil.copytree(sample / "input_images", root / "val2017")
    annotations = root / "annotations"
    shutil.copytree(sample / "panoptic_examples", annotations / "panoptic_val2017")
    listed = annotations / "panoptic_val2017.json"
    shutil.copyfile(sample / "panoptic_examples.json", listed)
    return root, published


def test_real_images_give_the_published_record(real):
    root, published = real
    images = read(root, crowd_as_ignore=True)
    for raw, serialized in zip(images, read_records(published), strict=True):
        expected = read_example(serialized)
        stored = stored_example(raw)
        assert stored.image == expected.image
        assert stored.image_format == expected.image_format
        assert stored.filename == expected.filename
        size = (expected.height, expected.width)
        label = decode_label(stored.label, stored.label_format, *size)
        wanted = decode_label(expected.label, expected.label_format, *size)
        np.testing.assert_array_equal(label, wanted)
        # A stored label takes a small part of a raw one.
        assert len(stored.label) < len(expected.label) / 20


@pytest.mark.parametrize("training", [True, False])
def test_real_images_give_the_samples_of_the_published_records(
    real, tmp_path, training
):
    """Every field of the batches that a model sees, crops and colours included."""
    root, published = real
    output = tmp_path / "records"
    arguments = ["convert", "coco_panoptic", "--root", str(root), "--split", "val"]
    arguments += ["--crowd_as_ignore", "--workers", "1", "--output", str(output)]
    assert main(arguments) == 0

    def batches(pattern):
        colors = ColorRanges(brightness=0.1, contrast=0.2, saturation=0.2, hue=0.1)
        config = PipelineConfig(
            (str(pattern),),
            Resizing((257, 257) if training else None, 16),
            augmentation=Augmentation(0.5, 1.5, 0.0, colors=colors),
        )
        data = build_pipeline(
            config,
            DATASETS.get("coco_panoptic")().info,
            training=training,
            targets=("semantic", "centers"),
            batch_size=2,
            seed=3,
        )
        return list(data.take(3 if training else 1).as_numpy_iterator())

    made, wanted = batches(output / "*.tfrecord"), batches(published)
    for ours, theirs in zip(made, wanted, strict=True):
        for part, expected in zip(ours, theirs, strict=True):
            assert part.keys() == expected.keys()
            for name, value in expected.items():
                np.testing.assert_array_equal(part[name], value, name)
