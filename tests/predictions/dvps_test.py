"""Files of ViP-DeepLab's scripts: names, void, depth."""

import numpy as np
import pytest
from PIL import Image

from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap
from deeplab.predictions.semantic_png import write_semantic

DEPTH = np.array([[0.0, 1.5, 300.0]], np.float32)
CITYSCAPES = DATASETS.get("cityscapes_dvps")().info
SEMKITTI = DATASETS.get("semkitti_dvps")().info


def write(info, panoptic, depth=None, name="0001_0002_aachen_leftImg8bit", to=None):
    sink = FORMATS.get(info.name)().writer(to, info)
    sink.write(name, LabelMap(np.array(panoptic, np.int32), depth=depth))
    sink.close()


def test_two_channels_and_depth(tmp_path):
    write(CITYSCAPES, [[0, 11003, 32000]], DEPTH, to=tmp_path)
    pixels = np.asarray(Image.open(tmp_path / "panoptic/0001_0002.png"))
    np.testing.assert_array_equal(pixels, [[[0, 0, 0], [11, 3, 0], [19, 0, 0]]])
    depth = Image.open(tmp_path / "depth/0001_0002.png")
    assert depth.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(depth), [[0, 384, 65535]])
    (stored,) = FORMATS.get("cityscapes_dvps")().read(tmp_path, CITYSCAPES).values()
    loaded = stored.load()
    np.testing.assert_array_equal(loaded.panoptic, [[0, 11003, 32000]])
    np.testing.assert_array_equal(loaded.depth[0, :2], [0, 1.5])
    assert stored.sequence == "0001"


def test_two_files_of_semkitti(tmp_path):
    write(SEMKITTI, [[3 * 65536 + 60000, 255 * 65536]], to=tmp_path)
    assert not (tmp_path / "depth").exists()
    classes = np.asarray(Image.open(tmp_path / "panoptic/0001_0002_cat.png"))
    instances = Image.open(tmp_path / "panoptic/0001_0002_ins.png")
    assert instances.mode == "I;16"
    np.testing.assert_array_equal(classes, [[3, 19]])
    np.testing.assert_array_equal(np.asarray(instances), [[60000, 0]])
    stored = FORMATS.get("semkitti_dvps")().read(tmp_path, SEMKITTI)["0001/0002"]
    assert stored.load().depth is None


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="instance id 256 does not fit"):
        write(CITYSCAPES, [[11256]], to=tmp_path)
    with pytest.raises(ValueError, match="depth is negative or not finite"):
        write(CITYSCAPES, [[0]], np.array([[-1.0]]), to=tmp_path)
    with pytest.raises(ValueError, match="depth is negative or not finite"):
        write(CITYSCAPES, [[0]], np.array([[np.nan]]), to=tmp_path)
    with pytest.raises(ValueError, match="'aachen' is not <sequence>_<frame>"):
        write(CITYSCAPES, [[0]], name="aachen", to=tmp_path)


def test_ids_that_are_none_are_named(tmp_path):
    layout = FORMATS.get("semkitti_dvps")()
    for classes, instances, message in ((20, 0, "20.* not train ids"), (3, 9, "id 9")):
        write_semantic(tmp_path / "panoptic/1_2_cat.png", np.array([[classes]]))
        write_semantic(tmp_path / "panoptic/1_2_ins.png", np.array([[instances]]))
        info = SEMKITTI if instances == 0 else CITYSCAPES_OF_TWO
        with pytest.raises(ValueError, match=message):
            layout.read(tmp_path, info)["1/2"].load()
    write_semantic(tmp_path / "panoptic/1_2_3_cat.png", np.array([[0]]))
    with pytest.raises(ValueError, match="a second file of this frame"):
        layout.read(tmp_path, SEMKITTI)


CITYSCAPES_OF_TWO = CITYSCAPES.__class__(
    "two", CITYSCAPES.classes, 19, ignore_label=32, label_divisor=2
)
