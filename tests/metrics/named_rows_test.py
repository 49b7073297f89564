import numpy as np

from deeplab.metrics.named_rows import pack, summed, unpack


def test_equal_pairs_are_added_up():
    first = np.array([[1, 2, 10], [255_000, 0, 1]])
    second = np.array([[1, 2, 5], [1, 1, 7]])
    expected = [[1, 1, 7], [1, 2, 15], [255_000, 0, 1]]
    assert summed(first, second).tolist() == expected
    assert summed(second, first).tolist() == expected
    assert summed(np.zeros((0, 3), np.int64), first).tolist() == first.tolist()


def test_large_labels_and_counts_survive():
    rows = np.array([[2**31 - 1, 2**31 - 1, 2**60]])
    assert summed(rows, rows[:0]).tolist() == rows.tolist()


def test_packing_does_not_depend_on_the_order():
    rows = {("b", "1"): np.array([[1, 2, 3]]), ("a", ""): np.array([[4, 5, 6]] * 2)}
    packed = pack(rows, parts=2, columns=3)
    turned = pack(dict(reversed(rows.items())), parts=2, columns=3)
    for name, value in packed.items():
        np.testing.assert_array_equal(value, turned[name])
    back = unpack(packed)
    assert list(back) == [("a", ""), ("b", "1")]
    for name, value in rows.items():
        np.testing.assert_array_equal(back[name], value)


def test_nothing():
    packed = pack({}, parts=1, columns=3)
    assert packed["rows"].shape == (0, 3)
    assert unpack(packed) == {}
