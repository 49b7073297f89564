"""What every format of predictions promises; a new one is covered by its line."""

import dataclasses

import numpy as np
import pytest

from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.base import class_ids, evaluation_id_table
from tests.parity import scenes

CITYSCAPES = DATASETS.get("cityscapes_panoptic")().info
COCO = DATASETS.get("coco_panoptic")().info


def scene(info, seed, instances=True):
    label = scenes.panoptic(
        40,
        60,
        seed,
        things=info.thing_ids[:3],
        stuff=info.stuff_ids[:4],
        divisor=info.label_divisor,
        ignore=info.ignore_label,
    )
    label[:5, :9] = info.ignore_label * info.label_divisor
    if not instances:
        label -= label % info.label_divisor
    return label.astype(np.int32)


def same_segments(a, b, divisor):
    """Equal classes, and instances up to their numbers."""
    np.testing.assert_array_equal(a // divisor, b // divisor)
    pairs = np.unique(np.stack([a, b], -1).reshape(-1, 2), axis=0)
    assert len(pairs) == len(np.unique(a)) == len(np.unique(b))


@pytest.fixture(params=FORMATS.names())
def layout(request):
    return FORMATS.get(request.param)()


def target(layout, tmp_path):
    is_coco = type(layout).__name__ == "CocoPanoptic"
    return tmp_path / ("pred.json" if is_coco else "pred")


@pytest.mark.parametrize("info", [CITYSCAPES, COCO], ids=lambda i: i.name)
def test_what_is_written_is_read(layout, info, tmp_path):
    names = ["0001/000000", "0001/000001", "0002/000000"]
    maps = {n: scene(info, i, layout.has_instances) for i, n in enumerate(names)}
    # The crowds of the truth are no part of a prediction.
    path = target(layout, tmp_path)
    sink = layout.writer(path, info)
    for name, panoptic in maps.items():
        sink.write(name, panoptic)
    sink.close()
    found = layout.read(path, info)
    assert list(found) == names
    for name, stored in found.items():
        label = stored.load()
        assert label.dtype == np.int32
        same_segments(label, maps[name], info.label_divisor)
        assert stored.sequence == (name[:4] if layout.is_video else "")


def test_names_that_lead_out_of_the_folder_are_refused(layout, tmp_path):
    sink = layout.writer(target(layout, tmp_path), CITYSCAPES)
    with pytest.raises(ValueError, match="leads out"):
        sink.write("../../elsewhere", scene(CITYSCAPES, 0))
    assert not list(tmp_path.rglob("*elsewhere*"))


def test_nothing_there_is_said(layout, tmp_path):
    path = target(layout, tmp_path)
    with pytest.raises(ValueError, match="pred"):
        layout.read(path, CITYSCAPES)


def test_broken_files_are_named(layout, tmp_path):
    path = target(layout, tmp_path)
    sink = layout.writer(path, CITYSCAPES)
    sink.write("0001/000000", scene(CITYSCAPES, 0, layout.has_instances))
    sink.close()
    (file,) = [f for f in tmp_path.rglob("*.*") if f.suffix in (".png", ".npy")]
    (stored,) = layout.read(path, CITYSCAPES).values()
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises((ValueError, OSError), match=r"000000|EOF|magic|reshape"):
        stored.load()


def test_evaluation_ids_of_cityscapes_are_the_published_ones():
    table = evaluation_id_table(CITYSCAPES)
    published = (
        7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33
    )  # fmt: skip
    np.testing.assert_array_equal(table[:19], published)
    assert not table[19:].any()
    assert len(table) == 256


def test_void_is_no_class_where_zero_is_one():
    table = evaluation_id_table(DATASETS.get("toy_street")().info)
    np.testing.assert_array_equal(table[:8], range(8))
    assert set(table[8:]) == {255}


@pytest.mark.parametrize("info", [CITYSCAPES, COCO], ids=lambda i: i.name)
def test_evaluation_ids_lead_back_to_classes(info):
    ids = np.array([*info.by_id, info.ignore_label])
    back = class_ids(evaluation_id_table(info)[ids], info, "here")
    np.testing.assert_array_equal(back, ids)
    with pytest.raises(ValueError, match=r"here: ids \[999\] are no evaluation ids"):
        class_ids(np.array([999]), info, "here")


def test_instances_beyond_the_divisor_are_refused(tmp_path):
    layout = FORMATS.get("three_channel_png")()
    sink = layout.writer(tmp_path, CITYSCAPES)
    sink.write("a", np.array([[11 * 1000 + 999]], np.int32))
    narrow = dataclasses.replace(CITYSCAPES, label_divisor=256)
    with pytest.raises(ValueError, match=r"a\.png: instance id 999"):
        layout.read(tmp_path, narrow)["a"].load()
