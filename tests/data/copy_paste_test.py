"""Pasting on labels small enough to follow by eye."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.data.copy_paste import CopyPaste, padding_label, paste

# Classes 0 and 1 are stuff, 2 and 3 things.
INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, str(i), i > 1, (0, 0, 0), i) for i in range(4)),
    num_classes=4,
    ignore_label=255,
    label_divisor=10,
)
VOID, PADDING = 2550, 2551
# A road with two things, and a pasted image: a thing, a crowd, stuff, void, padding.
LABEL = np.array([[0, 0, 21, 22, 0, 0]])
OTHER = np.array([[23, 20, 10, VOID, PADDING, 31]])


def pasted(seed=0, label=LABEL, other=OTHER, **options):
    """Returns the label, and which pixels are of the other image."""
    image, result = paste(
        tf.zeros([*label.shape, 3]),
        tf.constant(label, tf.int32),
        tf.ones([*label.shape, 3]),
        tf.constant(other, tf.int32),
        options=CopyPaste(1.0, **options),
        info=INFO,
        seed=tf.constant([seed, 1]),
    )
    return result.numpy(), image.numpy()[..., 0] == 1


def test_all_of_everything_but_padding():
    """Things count on from 2, the highest number of the image; crowd stays crowd."""
    label, taken = pasted(things="all", stuff="all", void="all")
    np.testing.assert_array_equal(label, [[25, 20, 10, VOID, 0, 33]])
    np.testing.assert_array_equal(taken, [[1, 1, 1, 1, 0, 1]])
    assert padding_label(INFO) == PADDING


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("things", [25, 20, 21, 22, 0, 33]),
        ("stuff", [0, 0, 10, 22, 0, 0]),
        ("void", [0, 0, 21, VOID, 0, 0]),
    ],
)
def test_one_kind_alone(kind, expected):
    options = {"things": "none", "stuff": "none", "void": "none", kind: "all"}
    for seed in range(3):
        label, _ = pasted(seed, **options)
        np.testing.assert_array_equal(label, [expected])


def test_random_choices_take_from_none_to_all_segments():
    taken = [pasted(seed, void="random")[1][0] for seed in range(60)]
    assert {int(t.sum()) for t in taken} == {0, 1, 2, 3, 4, 5}
    share = np.mean(taken, axis=0)
    assert share[4] == 0
    # Half of the segments on average.
    assert (np.delete(share, 4) > 0.25).all()
    assert (np.delete(share, 4) < 0.75).all()


def test_the_choice_is_that_of_the_seed():
    np.testing.assert_array_equal(pasted(5)[0], pasted(5)[0])
    assert any((pasted(seed)[0] != pasted(5)[0]).any() for seed in range(6))


def test_things_without_a_number_left_are_not_pasted():
    """8 + 1 is the last number that the divisor leaves."""
    label, taken = pasted(
        label=np.array([[28, 0, 0]]), other=np.array([[20, 31, 22]]), things="all"
    )
    np.testing.assert_array_equal(label, [[20, 39, 0]])
    np.testing.assert_array_equal(taken, [[True, True, False]])


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match="panoptic_copy_paste_thing_option 'some'"):
        CopyPaste(1.0, things="some")
    with pytest.raises(ValueError, match="scale -1"):
        CopyPaste(-1.0)
