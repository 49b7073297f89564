"""Tracks of squares that move, vanish, come back and are too many."""

import numpy as np
import pytest

from deeplab.tracking.iou_tracker import IoUTracker
from tests.numbered import label_space

CAR, PERSON, ROAD = 3, 4, 0


def frame(*squares, size=40):
    """Squares as (class, instance, row, column, side), on the road."""
    label = np.full((size, size), ROAD * 1000, np.int32)
    for class_id, instance, row, column, side in squares:
        label[row : row + side, column : column + side] = class_id * 1000 + instance
    return label


def tracker(**options):
    return IoUTracker(labels=label_space(5, things=(CAR, PERSON)), **options)


def track_at(label, row, column):
    return int(label[row, column]) % 1000


def test_an_instance_keeps_its_id_whatever_its_number_in_a_frame():
    tracks = tracker()
    first = tracks.update(frame((CAR, 7, 5, 5, 10), (CAR, 2, 25, 5, 10)))
    second = tracks.update(frame((CAR, 1, 7, 5, 10), (CAR, 9, 25, 8, 10)))
    assert track_at(first, 8, 8) == track_at(second, 10, 8)
    assert track_at(first, 28, 8) == track_at(second, 28, 12)
    assert track_at(first, 8, 8) != track_at(first, 28, 8)
    np.testing.assert_array_equal(
        first // 1000, frame((3, 0, 5, 5, 10), (3, 0, 25, 5, 10)) // 1000
    )


def test_overlap_must_exceed_the_threshold():
    """Squares of 10 that are 4 apart: IoU 60 / 140 = 0.43; 6 apart: 40 / 160 = 0.25."""
    for shift, same in ((4, True), (6, False)):
        tracks = tracker(min_iou=0.3)
        first = tracks.update(frame((CAR, 1, 5, 5, 10)))
        second = tracks.update(frame((CAR, 1, 5, 5 + shift, 10)))
        assert (track_at(first, 8, 8) == track_at(second, 8, 8 + shift)) is same


def test_the_sum_of_overlaps_decides():
    """Greedily the second instance would take the first one's track."""
    tracks = tracker(min_iou=0.0)
    tracks.update(frame((CAR, 1, 0, 0, 10), (CAR, 2, 0, 12, 10)))
    second = tracks.update(frame((CAR, 5, 0, 4, 10), (CAR, 6, 0, 15, 10)))
    assert (track_at(second, 5, 5), track_at(second, 5, 20)) == (1, 2)


def test_a_class_has_its_own_tracks():
    tracks = tracker()
    first = tracks.update(frame((CAR, 1, 5, 5, 10)))
    second = tracks.update(frame((PERSON, 1, 5, 5, 10)))
    assert track_at(first, 8, 8) != track_at(second, 8, 8)


@pytest.mark.parametrize(("gap", "same"), [(2, True), (3, False)])
def test_a_track_waits_for_its_instance(gap, same):
    tracks = tracker(max_frames_unseen=2)
    first = tracks.update(frame((CAR, 1, 5, 5, 10)))
    for _ in range(gap):
        empty = tracks.update(frame())
        np.testing.assert_array_equal(empty, frame())
    later = tracks.update(frame((CAR, 1, 5, 5, 10)))
    assert (track_at(first, 8, 8) == track_at(later, 8, 8)) is same


def test_crowds_and_stuff_are_not_followed():
    label = frame((CAR, 0, 5, 5, 10), (ROAD, 6, 20, 20, 10))
    tracked = tracker().update(label)
    assert track_at(tracked, 8, 8) == 0
    assert track_at(tracked, 25, 25) == 0


def test_flow_leads_to_where_an_instance_was():
    """The square jumps by 15 pixels, where nothing overlaps."""
    flow = np.zeros((40, 40, 2))
    flow[..., 0] = 15
    for given, same in ((flow, True), (None, False)):
        tracks = tracker()
        first = tracks.update(frame((CAR, 1, 5, 5, 10)))
        second = tracks.update(frame((CAR, 1, 5, 20, 10)), given)
        assert (track_at(first, 8, 8) == track_at(second, 8, 23)) is same
    hidden = np.ones((40, 40))
    tracks = tracker()
    tracks.update(frame((CAR, 1, 5, 5, 10)))
    second = tracks.update(frame((CAR, 1, 5, 20, 10)), flow, hidden)
    assert track_at(second, 8, 23) == 2


def test_equals_comparing_every_pair_of_masks():
    """As the published tracker does: one assignment per class on IoUs of masks."""
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(0)
    before = rng.integers(1, 6, (5, 5)) + 3000
    before = np.kron(before, np.ones((8, 8), int)).astype(np.int32)
    after = np.roll(before, (2, 3), (0, 1))
    tracks = tracker(min_iou=0.0)
    first, second = tracks.update(before), tracks.update(after)
    ids = np.unique(first)
    iou = [
        [
            ((after == a) & (first == b)).sum() / ((after == a) | (first == b)).sum()
            for b in ids
        ]
        for a in np.unique(after)
    ]
    rows, columns = linear_sum_assignment(-np.array(iou))
    for row, column in zip(rows, columns, strict=True):
        assert set(second[after == np.unique(after)[row]]) == {ids[column]}


def test_a_reset_starts_a_new_video():
    tracks = tracker()
    tracks.update(frame((CAR, 1, 5, 5, 10), (CAR, 2, 25, 25, 10)))
    with pytest.raises(ValueError, match=r"reset\(\) between videos"):
        tracks.update(frame(size=20))
    tracks.reset()
    label = tracks.update(frame((CAR, 8, 2, 2, 4), size=20))
    assert track_at(label, 3, 3) == 1


def test_too_many_tracks_and_bad_thresholds_are_refused():
    squares = [(CAR, i + 1, 10 * (i // 4), 10 * (i % 4), 5) for i in range(12)]
    label = frame(*squares) // 1000 * 13 + frame(*squares) % 1000
    many = IoUTracker(labels=label_space(5, things=(CAR,), label_divisor=13))
    many.update(label)
    with pytest.raises(ValueError, match="more than 12 tracks"):
        many.update(np.roll(label, 5, 0))
    with pytest.raises(ValueError, match=r"min_iou 1\.5"):
        tracker(min_iou=1.5)
