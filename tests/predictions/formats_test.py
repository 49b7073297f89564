"""What every format of predictions promises; a new one is covered by its line."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap, class_ids, evaluation_id_table
from tests.parity import scenes

CITYSCAPES = DATASETS.get("cityscapes_panoptic")().info
COCO = DATASETS.get("coco_panoptic")().info


class Case(NamedTuple):
    """What a format is tried with; the rest are in `CASES`."""

    datasets: tuple[str, ...] = ("cityscapes_panoptic", "coco_panoptic")
    names: tuple[str, ...] = ("0001/000000", "0001/000001", "0002/000000")
    suffix: str = ""


FRAMES = ("aachen_000000_000019", "aachen_000001_000019", "bonn_000000_000019")
CASES = {
    "coco_panoptic": Case(suffix=".json"),
    "coco_instances": Case(suffix=".json"),
    "cityscapes_panoptic": Case(("cityscapes_panoptic",), FRAMES, ".json"),
    "cityscapes_pixel": Case(("cityscapes_panoptic",), FRAMES),
    "cityscapes_instances": Case(("cityscapes_panoptic",), FRAMES),
    "ade20k": Case(("ade20k_semantic",), ("ADE_val_00000001", "ADE_val_00000002")),
    "kitti_step": Case(("kitti_step",)),
    "motchallenge_step": Case(("motchallenge_step",)),
    "cityscapes_dvps": Case(("cityscapes_dvps",)),
    "semkitti_dvps": Case(("semkitti_dvps",)),
}
EVERY = [
    pytest.param(name, dataset, id=f"{name}-{dataset}")
    for name in FORMATS.names()
    for dataset in CASES.get(name, Case()).datasets
]


def scene(info, seed, layout):
    """A map of what a format holds: the rest is void."""
    label = scenes.panoptic(
        40,
        60,
        seed,
        things=info.thing_ids[:3] if layout.has_instances else info.stuff_ids[:3],
        stuff=info.stuff_ids[:4],
        divisor=info.label_divisor,
        ignore=info.ignore_label,
    )
    void = info.ignore_label * info.label_divisor
    label[:5, :9] = void
    if not layout.has_instances:
        label -= label % info.label_divisor
    if not layout.has_stuff:
        is_thing = np.isin(label // info.label_divisor, info.thing_ids)
        label = np.where(is_thing, label, void)
    return label.astype(np.int32)


def same_segments(a, b, divisor):
    """Equal classes, and instances up to their numbers."""
    np.testing.assert_array_equal(a // divisor, b // divisor)
    pairs = np.unique(np.stack([a, b], -1).reshape(-1, 2), axis=0)
    assert len(pairs) == len(np.unique(a)) == len(np.unique(b))


class Tried(NamedTuple):
    """A format, a data set and a place for its files."""

    layout: Any
    info: Any
    names: tuple[str, ...]
    path: Path

    def write(self, maps):
        sink = self.layout.writer(self.path, self.info)
        for name, label_map in maps.items():
            sink.write(name, label_map)
        sink.close()
        return self.layout.read(self.path, self.info)


@pytest.fixture
def tried(request, tmp_path):
    name, dataset = request.param
    case = CASES.get(name, Case())
    return Tried(
        FORMATS.get(name)(),
        DATASETS.get(dataset)().info,
        case.names,
        tmp_path / f"pred{case.suffix}",
    )


every = pytest.mark.parametrize(
    "tried", [pytest.param(p.values, id=p.id) for p in EVERY], indirect=True
)


@every
def test_what_is_written_is_read(tried):
    layout, info, names, _ = tried
    maps = {n: LabelMap(scene(info, i, layout)) for i, n in enumerate(names)}
    found = tried.write(maps)
    assert tuple(found) == names
    for name, stored in found.items():
        label = stored.load().panoptic
        assert label.dtype == np.int32
        same_segments(label, maps[name].panoptic, info.label_divisor)
        assert stored.sequence == (name[:4] if layout.is_video else "")


@every
def test_names_that_lead_out_of_the_folder_are_refused(tried):
    sink = tried.layout.writer(tried.path, tried.info)
    with pytest.raises(ValueError, match="points outside"):
        sink.write("../../elsewhere", LabelMap(scene(tried.info, 0, tried.layout)))
    assert not list(tried.path.parent.rglob("*elsewhere*"))


@every
def test_nothing_there_is_said(tried):
    with pytest.raises(ValueError, match="pred"):
        tried.layout.read(tried.path, tried.info)


@every
def test_broken_files_are_named(tried):
    name = tried.names[0]
    tried.write({name: LabelMap(scene(tried.info, 0, tried.layout))})
    files = sorted(p for p in tried.path.parent.rglob("*.*") if p.is_file())
    maps = [p for p in files if p.suffix in (".png", ".npy")] or files
    maps[0].write_bytes(maps[0].read_bytes()[:60])
    with pytest.raises((ValueError, OSError), match=r"00000|pred|EOF|magic|reshape"):
        tried.layout.read(tried.path, tried.info)[name].load()


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
    with pytest.raises(ValueError, match=r"here: ids \[999\] are not evaluation ids"):
        class_ids(np.array([999]), info, "here")


def test_instances_beyond_the_divisor_are_refused(tmp_path):
    layout = FORMATS.get("three_channel_png")()
    sink = layout.writer(tmp_path, CITYSCAPES)
    sink.write("a", LabelMap(np.array([[11 * 1000 + 999]], np.int32)))
    narrow = dataclasses.replace(CITYSCAPES, label_divisor=256)
    with pytest.raises(ValueError, match=r"a\.png: instance id 999"):
        layout.read(tmp_path, narrow)["a"].load()
