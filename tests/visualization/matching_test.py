import numpy as np

from deeplab.visualization.matching import numbered_like
from tests.visualization import scene


def test_matching_instances_take_the_reference_label():
    truth = scene.labels()
    guess = np.roll(truth, 1, axis=1)
    # Other numbers: 2001 -> 2007, 2002 -> 2001, 3001 -> 3005.
    swapped = guess.copy()
    for old, new in [(2001, 2007), (2002, 2001), (3001, 3005)]:
        swapped[guess == old] = new
    np.testing.assert_array_equal(numbered_like(swapped, truth, scene.info()), guess)


def test_half_a_union_another_class_or_nothing_is_no_match():
    truth = np.array([[2001, 2001, 3001, 0, 0, 0]])
    guess = np.array([[2001, 0, 2002, 2003, 0, 3000]])
    # Half of the union; a person; road; and a crowd, which keeps its label.
    expected = np.array([[2002, 0, 2003, 2004, 0, 3000]])
    np.testing.assert_array_equal(numbered_like(guess, truth, scene.info()), expected)


def test_segments_stay_apart_and_in_their_class():
    rng = np.random.default_rng(0)
    maps = [
        rng.integers(0, 4, (9, 11)) * 1000 + rng.integers(0, 5, (9, 11)) for _ in "ab"
    ]
    numbered = numbered_like(*maps, scene.info())
    np.testing.assert_array_equal(numbered // 1000, maps[0] // 1000)
    pairs = np.unique(np.stack([numbered.ravel(), maps[0].ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(numbered)) == len(np.unique(maps[0]))


def test_without_numbers_left_the_class_is_kept():
    info = scene.info(label_divisor=3)
    numbered = numbered_like(np.array([[7, 8]]), np.array([[7, 8]])[:, ::-1], info)
    np.testing.assert_array_equal(numbered, [[8, 7]])
    crowded = numbered_like(np.array([[7, 8, 8]]), np.array([[6, 7, 8]]), info)
    assert set(crowded.ravel() // 3) == {2}
