import numpy as np
import pytest

from deeplab.predictions.base import LabelMap, StoredMap
from deeplab.tracking.iou_tracker import IoUTracker
from deeplab.tracking.stored_frames import read_flow, sequences_of, track_frames
from tests.numbered import label_space

CAR = 13 * 1000


class Sink:
    def __init__(self):
        self.maps = {}

    def write(self, name, label_map):
        self.maps[name] = label_map.panoptic

    def close(self):
        raise AssertionError("whoever opened the sink closes it")


def frame(left, instance):
    label = np.zeros((10, 40), np.int32)
    label[2:8, left : left + 10] = CAR + instance
    return StoredMap(lambda: LabelMap(label))


@pytest.fixture
def tracker():
    return IoUTracker(
        labels=label_space(19, things=(13,)), min_iou=0.3, max_frames_unseen=10
    )


def test_every_sequence_is_tracked_on_its_own(tracker):
    frames = {f"{s}/{i}": frame(2 * i, 5 + i) for s in "ab" for i in range(3)}
    sink, done = Sink(), []
    track_frames(frames, tracker, sink, advance=lambda: done.append(1))
    assert list(sink.maps) == list(frames)
    assert len(done) == 6
    assert {int(label.max()) for label in sink.maps.values()} == {CAR + 1}


def test_flow_carries_what_moves_far(tracker, tmp_path):
    frames = {"a/0": frame(0, 1), "a/1": frame(20, 1)}
    flow = np.zeros((10, 40, 2), np.float32)
    flow[..., 0] = 20
    (tmp_path / "a").mkdir()
    np.save(tmp_path / "a/1.npy", flow)
    assert read_flow(tmp_path, "a/0") is None
    np.testing.assert_array_equal(read_flow(tmp_path, "a/1"), flow)
    for folder, track in ((None, 2), (tmp_path, 1)):
        sink = Sink()
        track_frames(frames, tracker, sink, flow_folder=folder)
        assert int(sink.maps["a/1"].max()) == CAR + track


def test_a_folder_is_a_sequence_unless_one_is_named():
    frames = {"a/0": frame(0, 1), "b/0": frame(0, 1), "a/1": frame(0, 1)}
    frames["b/1"] = frames["b/0"]._replace(sequence="a")
    found = sequences_of(frames)
    assert {name: [n for n, _ in group] for name, group in found.items()} == {
        "a": ["a/0", "a/1", "b/1"],
        "b": ["b/0"],
    }
