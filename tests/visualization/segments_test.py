import numpy as np

from deeplab.visualization.segments import Segment, find_segments
from tests.visualization import scene


def test_segments_of_a_map_worked_out_by_hand():
    panoptic = np.array([[0, 0, 2001], [1000, 2001, 2001], [255000, 17000, 2003]])
    scores = np.array([[0, 0, 7.5], [0, 0.6, 0.5], [0, 0, 0.25]], np.float32)
    found = find_segments(panoptic, scene.info(), scores)
    expected = [
        Segment(0, 0, "road", 0, False, 2, (0, 0, 2, 1)),
        Segment(1000, 1, "sky", 0, False, 1, (0, 1, 1, 1)),
        Segment(2001, 2, "car", 1, True, 3, (1, 0, 2, 2), score=0.7),
        Segment(2003, 2, "car", 3, True, 1, (2, 2, 1, 1), score=0.25),
        Segment(17000, 17, "class 17", 0, False, 1, (1, 2, 1, 1)),
    ]
    for a, b in zip(found, expected, strict=True):
        assert (a.score is None) == (b.score is None)
        if a.score is not None:
            np.testing.assert_allclose(a.score, b.score, rtol=1e-6)
        assert {**vars(a), "score": 0} == {**vars(b), "score": 0}


def test_boxes_and_areas_equal_a_search_over_the_pixels():
    rng = np.random.default_rng(3)
    panoptic = rng.integers(1, 4, (17, 23)) * 1000 + rng.integers(0, 3, (17, 23))
    for segment in find_segments(panoptic, scene.info()):
        rows, columns = np.nonzero(panoptic == segment.id)
        x, y = columns.min(), rows.min()
        assert segment.area == len(rows)
        assert segment.box == (
            x, y, columns.max() - x + 1, rows.max() - y + 1
        )  # fmt: skip
        assert segment.score is None


def test_a_map_of_void_has_no_segments():
    assert find_segments(np.full((2, 3), 255000), scene.info()) == []


def test_without_a_void_label_of_its_own_the_ignored_class_is_left_out():
    info = scene.info(ignore_label=4)
    assert [s.class_id for s in find_segments(np.array([[4000, 1000]]), info)] == [1]
