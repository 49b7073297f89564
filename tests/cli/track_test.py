import numpy as np
import pytest

from deeplab.cli.main import main
from deeplab.datasets import DATASETS
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap

KITTI = DATASETS.get("kitti_step")().info
CAR = 13


def frame(shift, instance, divisor):
    label = np.zeros((20, 40), np.int32)
    label[5:15, 2 + shift : 14 + shift] = CAR * divisor + instance
    return label


def test_frames_of_every_sequence_are_tracked(tmp_path):
    sink = FORMATS.get("kitti_step")().writer(tmp_path / "frames", KITTI)
    for sequence in ("0001", "0002"):
        for i in range(3):
            label = frame(3 * i, 5 + i, KITTI.label_divisor)
            sink.write(f"{sequence}/{i:06d}", LabelMap(label))
    words = ["track", "--predictions", str(tmp_path / "frames")]
    assert main([*words, "--output", str(tmp_path / "tracked")]) == 0
    tracked = FORMATS.get("kitti_step")().read(tmp_path / "tracked", KITTI)
    assert len(tracked) == 6
    for i, stored in enumerate(tracked.values()):
        expected = frame(3 * (i % 3), 1, KITTI.label_divisor)
        np.testing.assert_array_equal(stored.load().panoptic, expected)


def test_flow_is_read_and_must_fit(tmp_path):
    sink = FORMATS.get("kitti_step")().writer(tmp_path / "frames", KITTI)
    for i in range(2):
        label = frame(20 * i, 1, KITTI.label_divisor)
        sink.write(f"0001/{i:06d}", LabelMap(label))
    (tmp_path / "flow/0001").mkdir(parents=True)
    flow = np.zeros((20, 40, 2), np.float32)
    flow[..., 0] = 20
    np.save(tmp_path / "flow/0001/000001.npy", flow)
    words = ["--traceback", "track", "--predictions", str(tmp_path / "frames")]
    words += ["--flow", str(tmp_path / "flow")]
    assert main([*words, "--output", str(tmp_path / "tracked")]) == 0
    tracked = FORMATS.get("kitti_step")().read(tmp_path / "tracked", KITTI)
    assert int(tracked["0001/000001"].load().panoptic.max()) % KITTI.label_divisor == 1
    np.save(tmp_path / "flow/0001/000001.npy", flow[:10])
    with pytest.raises(ValueError, match="optical flow of shape"):
        main([*words, "--output", str(tmp_path / "again")])
    with pytest.raises(ValueError, match="another folder"):
        main([*words, "--output", str(tmp_path / "frames")])
