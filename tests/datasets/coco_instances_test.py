import json

import numpy as np
import pytest

from deeplab.datasets import DATASETS
from deeplab.datasets.coco_instances import decode_segmentation
from tests.datasets.trees import photo


def box(top, left, bottom, right):
    """The polygon around whole pixels."""
    return [[left, top, right, top, right, bottom, left, bottom]]


def coco_instances_tree(root):
    """A car below a person, a crowd of persons below both, background.

    Returns the label by hand; the person is the smaller of the two that overlap.
    """
    photo(root / "val2017/000000000001.jpg")
    photo(root / "val2017/000000000002.jpg")
    # Columns 8 to 11 of an image of 8 rows.
    crowd = {"size": [8, 12], "counts": [64, 32]}
    annotations = [
        (1, 1, box(2, 4, 6, 6), 0),
        (2, 3, box(0, 2, 8, 9), 0),
        (3, 1, crowd, 1),
    ]
    content = {
        "images": [
            {
                "id": i,
                "file_name": f"{i:012d}.jpg",
                "height": 8,
                "width": 12,
            }
            for i in (2, 1)
        ],
        "annotations": [
            {
                "id": i,
                "image_id": 1,
                "category_id": category,
                "segmentation": segmentation,
                "iscrowd": is_crowd,
            }
            for i, category, segmentation, is_crowd in annotations
        ],
    }
    path = root / "annotations/instances_val2017.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    label = np.zeros((8, 12), np.int32)
    label[:, 8:] = 1 * 256
    label[:, 2:9] = 3 * 256 + 1
    label[2:6, 4:6] = 1 * 256 + 1
    return label


def read(root, **options):
    return DATASETS.get("coco_instances")().read(root, "val", **options)


def change(root, index, **values):
    """Changes an annotation in the JSON."""
    path = root / "annotations/instances_val2017.json"
    content = json.loads(path.read_text())
    content["annotations"][index].update(values)
    path.write_text(json.dumps(content))


def test_label_worked_out_by_hand(tmp_path):
    label = coco_instances_tree(tmp_path)
    images = read(tmp_path)
    assert [i.name for i in images] == ["000000000001", "000000000002"]
    np.testing.assert_array_equal(images[0].load().label, label)
    assert images[0].load().label.dtype == np.int32
    # An image without annotations is all background, not void.
    np.testing.assert_array_equal(images[1].load().label, 0)


def test_crowd_as_ignore(tmp_path):
    label = coco_instances_tree(tmp_path)
    found = read(tmp_path, crowd_as_ignore=True)[0].load().label
    np.testing.assert_array_equal(found, np.where(label == 256, 255 * 256, label))


def test_all_ways_to_write_a_mask():
    mask = np.zeros((8, 12), bool)
    mask[2:6, 4:7] = True
    # Runs of 0 and 1, column by column: 4 columns and 2 rows lie before the first.
    counts = [34, 4, 4, 4, 4, 4, 42]
    # The same, as COCO packs it: a character for each number below 16, 32 taken off,
    # from the third on the difference to the number before the last.
    encoded = {"size": [8, 12], "counts": counts}
    for segmentation in (box(2, 4, 6, 7), encoded, packed(mask)):
        found = decode_segmentation(segmentation, (8, 12), "x")
        np.testing.assert_array_equal(found, mask)
    two = [*box(0, 0, 2, 2), *box(4, 4, 8, 8)]
    assert decode_segmentation(two, (8, 12), "x").sum() == 4 + 16


def packed(mask):
    """Compressed run lengths by the published tool's drop-in."""
    from faster_coco_eval import mask as coco_mask

    runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(runs["size"]), "counts": runs["counts"].decode()}


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([], "neither polygons of at least three points nor run lengths"),
        ([[1, 2, 3, 4]], "neither polygons of at least three points"),
        ([[1, 2, 3, 4, 5, 6, 7]], "neither polygons of at least three points"),
        ("abc", "neither polygons of at least three points"),
        ({"size": [8, 12], "counts": [90]}, "do not add up to the image"),
        ({"size": [8, 12], "counts": []}, "do not add up to the image"),
        ({"size": [8, 12], "counts": [-1, 97]}, "do not add up to the image"),
        ({"size": [12, 8], "counts": [96]}, r"run lengths of size \[12, 8\]"),
        ({"size": [8, 12]}, "run lengths without counts"),
    ],
)
def test_broken_masks(tmp_path, segmentation, message):
    coco_instances_tree(tmp_path)
    change(tmp_path, 1, segmentation=segmentation)
    with pytest.raises(ValueError, match=f"annotation 2.*{message}"):
        read(tmp_path)[0].load()


def test_a_category_outside_the_table(tmp_path):
    coco_instances_tree(tmp_path)
    change(tmp_path, 0, category_id=12)
    with pytest.raises(
        ValueError, match="annotation 1 has category 12, which is not in"
    ):
        read(tmp_path)[0].load()


def test_a_missing_image_and_a_path_that_climbs_out(tmp_path):
    coco_instances_tree(tmp_path)
    (tmp_path / "val2017/000000000001.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"000000000001\.jpg"):
        read(tmp_path)[0].load()
    path = tmp_path / "annotations/instances_val2017.json"
    path.write_text(path.read_text().replace("000000000001.jpg", "../x.jpg"))
    with pytest.raises(ValueError, match="points outside"):
        read(tmp_path)


def test_a_truncated_or_foreign_json(tmp_path):
    coco_instances_tree(tmp_path)
    path = tmp_path / "annotations/instances_val2017.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match=r"val2017\.json:1: not JSON .*file complete"):
        read(tmp_path)
    path.write_text('{"images": []}')
    with pytest.raises(ValueError, match="not instance annotations"):
        read(tmp_path)


def test_test_images_and_wrong_split(tmp_path):
    photo(tmp_path / "test2017/000000000003.jpg")
    dataset = DATASETS.get("coco_instances")()
    (image,) = dataset.read(tmp_path, "test")
    assert image.load().label is None
    with pytest.raises(ValueError, match="no split 'dev'; known: train, val, test"):
        dataset.read(tmp_path, "dev")
    with pytest.raises(FileNotFoundError, match=r"instances_val2017\.json"):
        dataset.read(tmp_path, "val")
