import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.postprocess.segment_matching import mutual_matches
from deeplab.postprocess.video_stitching import VideoStitching
from tests.numbered import label_space

DIVISOR, VOID = 20, 255
LABELS = label_space(4, things=(2,), ignore_label=VOID, label_divisor=DIVISOR)


def stitching(frame=lambda p, images: p):
    return VideoStitching(frame, labels=LABELS)


def row(text):
    """Returns a map of one row: letters are instances of class 2, '.' is class 0."""
    labels = [0 if c == "." else 2 * DIVISOR + 1 + ord(c) - ord("a") for c in text]
    return np.array([labels], np.int32)


def text(panoptic):
    """The inverse of `row`."""
    return "".join(
        "." if v == 0 else chr(ord("a") + v - 2 * DIVISOR - 1) for v in panoptic[0]
    )


def pairs_of(ours, theirs):
    found = mutual_matches(tf.constant(ours), tf.constant(theirs), LABELS)
    return {
        int(a): int(b)
        for a, b in zip(found.labels, found.partners, strict=True)
        if b >= 0
    }


def oracle(ours, theirs):
    """Every pair's intersection over union; each side's best, the higher labels' on a
    tie; kept where both agree."""
    overlap = {}
    for a in np.unique(ours):
        for b in np.unique(theirs):
            shared = np.sum((ours == a) & (theirs == b))
            union = np.sum((ours == a) | (theirs == b))
            same = a // DIVISOR == b // DIVISOR
            if shared and same and a % DIVISOR and b % DIVISOR:
                overlap[a, b] = (shared / union, b, a)
    of_a, of_b = {}, {}
    for a, b in sorted(overlap, key=overlap.get):
        of_a[a], of_b[b] = b, a
    return {a: b for a, b in of_a.items() if of_b[b] == a}


def test_matches_are_mutual():
    # b overlaps most with x = "c" (2 of 3), which overlaps more with a (3 of 4).
    ours, theirs = row("aaabb.."), row("cccc...")
    assert pairs_of(ours, theirs) == {41: 43}
    assert pairs_of(theirs, ours) == {43: 41}


def test_crowd_void_and_other_classes_do_not_match():
    ours = np.array([[40, 41, 61, VOID * DIVISOR]], np.int32)
    theirs = np.array([[40, 61, 41, VOID * DIVISOR]], np.int32)
    assert pairs_of(ours, theirs) == {}


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_oracle(seed):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.integers(38, 46, (2, 6, 7)).astype(np.int32)
    assert pairs_of(ours, theirs) == oracle(ours, theirs)


def test_a_pair_takes_over_ids_and_moves_the_others():
    explained = np.stack([row("aa..bb."), row(".......")])
    own = np.stack([row("bb..cca"), row("..aa...")])
    stitched = stitching().stitch_pair(tf.constant(explained), tf.constant(own)).numpy()
    # "a" is new: its number 1 becomes 11.
    assert text(stitched[0]) == "aa..bbk"
    assert text(stitched[1]) == "..kk..."


def test_a_new_instance_without_a_number_left_is_void():
    own = np.array([[[2 * DIVISOR + 9, 2 * DIVISOR + 10, 2 * DIVISOR]]], np.int32)
    stitched = stitching().stitch_pair(tf.zeros([1, 1, 3], tf.int32), tf.constant(own))
    np.testing.assert_array_equal(stitched[0, 0], [59, VOID * DIVISOR, 40])


def video(stitcher, *pairs):
    """Returns the lasting maps of (frame, next frame) pairs."""
    state, results = stitcher.initial_state(1, len(pairs[0][0])), []
    for now, following in pairs:
        prediction = Prediction(
            panoptic_pred=tf.constant(row(now)[None]),
            next_panoptic_pred=tf.constant(row(following)[None]),
            concat_next_panoptic_pred=tf.constant(row(following)[None]),
        )
        prediction, state = stitcher.stitch(prediction, state)
        results.append(
            tuple(
                text(m[0].numpy())
                for m in (prediction.panoptic_pred, prediction.next_panoptic_pred)
            )
        )
    return results


@pytest.mark.parametrize("as_graph", [False, True])
def test_ids_last_for_a_video(as_graph):
    stitcher = stitching()
    if as_graph:
        stitcher.stitch = tf.function(stitcher.stitch)
    # Each pair numbers its instances anew: c, then a, then b, is the same one.
    results = video(
        stitcher, ("cc..d", ".cc.."), (".aa..", "..aab"), ("..bba", "...bb")
    )
    assert results == [("aa..b", ".aa.."), (".aa..", "..aac"), ("..aac", "...aa")]


def test_numbers_of_what_vanished_are_not_given_again():
    results = video(stitching(), ("aa...", "....."), ("...aa", "...aa"))
    assert results == [("aa...", "....."), ("...bb", "...bb")]


def test_a_video_without_instances():
    assert video(stitching(), (".....", "....."), ("..a..", ".....")) == [
        (".....", "....."),
        ("..a..", "....."),
    ]


def test_pixels_of_both_frames_point_to_centres_of_the_first():
    """Two frames of 1 x 4 pixels; the post-processor gets them side by side."""
    seen = []

    def frame(prediction, images):
        seen.append((prediction, images))
        maps = prediction.center_heatmap
        panoptic = tf.cast(tf.round(10 * maps), tf.int32) + 40
        return prediction._replace(
            semantic_pred=panoptic,
            instance_pred=panoptic,
            instance_center_pred=maps,
            instance_scores=maps,
            panoptic_pred=panoptic,
        )

    def maps(value, channels):
        return tf.fill([1, 1, 4, channels], value)

    prediction = Prediction(
        semantic_probs=maps(0.1, 4),
        center_heatmap=tf.fill([1, 1, 4], 0.3),
        offset_map=maps(1.0, 2),
        next_offset_map=maps(2.0, 2),
        next_semantic_probs=maps(0.2, 4),
        next_center_heatmap=tf.fill([1, 1, 4], 0.5),
        next_own_offset_map=maps(3.0, 2),
    )
    frames = tf.concat([maps(7.0, 3), maps(8.0, 3)], axis=-1)
    result = stitching(frame)(prediction, frames)
    (beside, both_images), (alone, next_images) = seen
    assert alone.semantic_probs is prediction.next_semantic_probs
    assert alone.center_heatmap is prediction.next_center_heatmap
    assert alone.offset_map is prediction.next_own_offset_map
    np.testing.assert_array_equal(both_images[0, 0, :, 0], [7] * 4 + [8] * 4)
    np.testing.assert_array_equal(next_images[0, 0, :, 0], [8] * 4)
    assert result.next_semantic_probs is None
    assert result.next_center_heatmap is None
    assert result.next_own_offset_map is None
    np.testing.assert_array_equal(beside.center_heatmap[0, 0, 4:], np.zeros(4))
    np.testing.assert_allclose(beside.semantic_probs[0, 0, 4:], np.full((4, 4), 0.2))
    np.testing.assert_array_equal(beside.offset_map[0, 0, :4], np.ones((4, 2)))
    # The next frame lies a width of 4 to the right.
    np.testing.assert_array_equal(beside.offset_map[0, 0, 4:], [[2, -2]] * 4)
    np.testing.assert_array_equal(result.panoptic_pred, np.full((1, 1, 4), 43))
    np.testing.assert_array_equal(
        result.concat_next_panoptic_pred, np.full((1, 1, 4), 40)
    )
    # Nothing to match: the next frame's 45 takes a number above half the divisor.
    np.testing.assert_array_equal(result.next_panoptic_pred, np.full((1, 1, 4), 55))
