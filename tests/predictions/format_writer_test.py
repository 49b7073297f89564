import numpy as np
import pytest

from deeplab.core.structures import Prediction
from deeplab.predictions import FORMATS
from deeplab.predictions.format_writer import FormatWriter
from tests.visualization import scene

INFO = scene.info()


def write(folder, layout, prediction):
    writer = FormatWriter(folder, INFO, FORMATS.get(layout)())
    writer.write("a", folder / "a.jpg", scene.image(), prediction)
    writer.close()


@pytest.mark.parametrize("layout", ["coco_panoptic", "two_channel_numpy_array"])
def test_labels_come_back(layout, tmp_path):
    label = scene.labels()
    label[label == 3000] = 3002  # No crowd.
    write(tmp_path, layout, Prediction(panoptic_pred=label))
    chosen = FORMATS.get(layout)()
    (stored,) = chosen.read(tmp_path / chosen.index, INFO).values()
    np.testing.assert_array_equal(
        stored.load().panoptic // INFO.label_divisor, label // INFO.label_divisor
    )


def test_a_format_of_instances_needs_them(tmp_path):
    classes = Prediction(semantic_pred=scene.labels() // INFO.label_divisor)
    write(tmp_path / "semantic", "semantic_png", classes)
    assert (tmp_path / "semantic/a.png").exists()
    with pytest.raises(ValueError, match="does not return panoptic_pred"):
        write(tmp_path / "panoptic", "coco_panoptic", classes)
