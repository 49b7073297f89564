import numpy as np
from PIL import Image

from deeplab.datasets.panoptic_png import read_segment_ids
from deeplab.predictions.segment_png import MAX_ID, write_segment_ids


def test_ids_of_any_size_come_back(tmp_path):
    ids = np.array([[0, 255, 256], [65535, 65536, MAX_ID]])
    write_segment_ids(tmp_path / "a.png", ids)
    np.testing.assert_array_equal(read_segment_ids(tmp_path / "a.png"), ids)
    colors = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(colors[0], [[0, 0, 0], [255, 0, 0], [0, 1, 0]])
