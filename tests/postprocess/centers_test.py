"""Peaks and centres by hand."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.postprocess.centers import find_centers, find_peaks


def peaks_of(rows, **options):
    return find_peaks(tf.constant([rows], tf.float32), **options)[0].numpy().tolist()


def test_a_peak_exceeds_the_threshold_and_its_window():
    rows = [[0.2, 0.5, 0.1, 0.3], [0.1, 0.4, 0.1, 0.1]]
    assert peaks_of(rows, threshold=0.25, kernel=3) == [
        [0, 0.5, 0, pytest.approx(0.3)],
        [0, 0, 0, 0],
    ]
    assert peaks_of(rows, threshold=0.25, kernel=5)[0] == [0, 0.5, 0, 0]
    assert peaks_of(rows, threshold=0.5, kernel=3) == [[0] * 4] * 2


def test_a_plateau_is_all_peaks():
    assert peaks_of([[0.5, 0.5, 0.5]], threshold=0.1, kernel=3) == [[0.5, 0.5, 0.5]]


def test_an_even_window_reaches_further_down_and_right():
    """A window of 2 covers the pixel and the next one."""
    assert peaks_of([[1, 2, 1]], threshold=0.1, kernel=2) == [[0, 2, 1]]


def test_nothing_at_or_below_zero_is_a_peak():
    assert peaks_of([[-1.0, 0.0]], threshold=-2.0, kernel=3) == [[0, 0]]


@pytest.mark.parametrize("static", [False, True])
def test_keeps_the_highest_in_reading_order(static):
    peaks = tf.constant([[[0.3, 0.9, 0.0], [0.5, 0.0, 0.5]], [[0.0] * 3, [0.0] * 3]])
    centers = find_centers(peaks, keep=2, static_shapes=static)
    assert centers.count.numpy().tolist() == [2, 0]
    # 0.9 and the first of the two 0.5; the second image has only padding.
    assert centers.position.numpy().tolist() == [[1, 3], [6, 6]]
    np.testing.assert_allclose(centers.score, [[0.9, 0.5], [0, 0]])


@pytest.mark.parametrize(("keep", "count"), [(0, 4), (-1, 4), (3, 3), (100, 4)])
@pytest.mark.parametrize("static", [False, True])
def test_how_many_are_kept(keep, count, static):
    peaks = tf.constant([[[0.3, 0.9, 0.0], [0.5, 0.0, 0.5]]])
    centers = find_centers(peaks, keep=keep, static_shapes=static)
    assert centers.count.numpy().tolist() == [count]
    assert np.count_nonzero(centers.score) == count
