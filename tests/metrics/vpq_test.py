"""VPQ and DVPQ against panoptic quality of frames put side by side."""

import dataclasses
import itertools

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.dvpq import DepthVideoPanopticQuality
from deeplab.metrics.panoptic_quality import PanopticQuality
from deeplab.metrics.vpq import VideoPanopticQuality
from deeplab.metrics.vpq_2frames import PairPanopticQuality
from tests.parity import scenes

THINGS = (3, 4)
INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, str(i), i in THINGS, (0, 0, 0), i) for i in range(5)),
    num_classes=5,
    ignore_label=255,
    label_divisor=1000,
)


def video(name, count, seed):
    """Frames of a video: (name, number, truth, prediction, depth, predicted depth)."""
    rng = np.random.default_rng(seed)
    frames = []
    truth = scenes.panoptic(30, 40, seed, THINGS, (0, 1, 2))
    for i in range(count):
        truth = np.roll(truth, 1, 1)
        predicted = scenes.perturb(truth, 100 * seed + i // 2, things=THINGS)
        depth = np.maximum(rng.uniform(-2, 20, truth.shape), 0).astype(np.float32)
        guess = depth * rng.uniform(0.9, 1.2, truth.shape).astype(np.float32)
        guess[:, :3] *= 2
        frames.append((name, i, truth, predicted, depth, guess))
    return frames


def pair(frame):
    name, number, truth, predicted, depth, guess = frame
    return (
        Example(
            image=None,
            panoptic_raw=truth,
            depth_raw=depth,
            sequence_id=name,
            frame_id=str(number),
        ),
        Prediction(panoptic_pred=predicted, depth_pred=guess[..., None]),
    )


def measured(metric, frames):
    for frame in frames:
        metric.update(*pair(frame))
    return metric.result()


def side_by_side(videos, length, spoil=lambda frame: frame[3]):
    """Panoptic quality of all windows, each as one wide image."""
    quality = PanopticQuality(INFO)
    for frames in videos:
        for first in range(len(frames) - length + 1):
            window = frames[first : first + length]
            quality.update(
                Example(
                    image=None,
                    panoptic_raw=np.concatenate([f[2] for f in window], axis=1),
                ),
                Prediction(
                    panoptic_pred=np.concatenate([spoil(f) for f in window], axis=1)
                ),
            )
    result = quality.result()
    return {group: result[f"{group}/pq"] for group in ("all", "things", "stuff")}


# The second video has frames 0 to 11: as text "10" would come before "2".
VIDEOS = [video("a", 3, 1), video("b", 12, 2), video("c", 1, 3)]
FRAMES = list(itertools.chain(*VIDEOS))


def test_windows_equal_frames_side_by_side():
    shuffled = [FRAMES[i] for i in np.random.default_rng(0).permutation(len(FRAMES))]
    result = measured(VideoPanopticQuality(INFO), shuffled)
    parts = [side_by_side(VIDEOS, length) for length in (1, 2, 3, 4)]
    for group in ("all", "things", "stuff"):
        for length, part in enumerate(parts, 1):
            assert result[f"{length}_frames/{group}"] == pytest.approx(part[group])
        mean = np.mean([part[group] for part in parts])
        assert result[group] == pytest.approx(mean)


def test_lengths_that_no_video_has_are_left_out():
    result = measured(VideoPanopticQuality(INFO), VIDEOS[2])
    assert {name.split("/")[0] for name in result} - {"1_frames"} == {
        "all",
        "things",
        "stuff",
    }
    assert result["all"] == result["1_frames/all"]


def test_one_id_in_two_frames_is_one_segment():
    """4 + 4 true pixels, in the second frame under a new id: IoU 4 / 8 is no match."""
    car = np.full((2, 2), 3001, np.int32)
    depth = np.ones((2, 2), np.float32)
    frames = [("v", i, car, car + 8 * i, depth, depth) for i in range(2)]
    result = measured(VideoPanopticQuality(INFO, lengths=(1, 2)), frames)
    assert result["1_frames/all"] == pytest.approx(100)
    assert result["2_frames/all"] == 0
    assert result["all"] == pytest.approx(50)


def test_frame_pairs_equal_frames_side_by_side():
    metric = PairPanopticQuality(INFO)
    frames = VIDEOS[1]
    for first, second in itertools.pairwise(frames):
        example, prediction = pair(first)
        metric.update(
            example._replace(next_panoptic_raw=second[2]),
            prediction._replace(next_panoptic_pred=second[3]),
        )
    assert metric.result()["all/pq"] == pytest.approx(side_by_side([frames], 2)["all"])


@pytest.mark.parametrize("ignore_depth", [None, 0.0, 7.0])
def test_wrong_depth_takes_pixels_away(ignore_depth):
    info = dataclasses.replace(INFO, ignore_depth=ignore_depth)
    frames = []
    for name, i, truth, predicted, depth, guess in VIDEOS[0]:
        known = np.where(depth < 5, np.float32(7), depth)
        frames.append((name, i, truth, predicted, known, guess))

    def spoil(error):
        def spoiled(frame):
            *_, predicted, depth, guess = frame
            wrong = abs(guess - depth) > error * depth
            wrong &= (depth > 0) & (depth != ignore_depth)
            return np.where(wrong, 255_000, predicted)

        return spoiled

    errors, lengths = (0.1, 0.25, 0.5), (1, 2)
    metric = DepthVideoPanopticQuality(info, lengths=lengths, errors=errors)
    result = measured(metric, frames)
    values = []
    for error, length in itertools.product(errors, lengths):
        expected = side_by_side([frames], length, spoil(error))["all"]
        value = result[f"{error}/{length}_frames/all"]
        assert value == pytest.approx(expected, rel=1e-6)
        values.append(value)
    assert result["all"] == pytest.approx(np.mean(values))
    # Windows of one frame: the allowed error makes a difference.
    assert len({round(value, 6) for value in values[::2]}) > 1
    assert max(values) > 0


def test_right_depth_changes_nothing():
    frames = [(*f[:4], f[4], f[4]) for f in VIDEOS[0]]
    plain = measured(VideoPanopticQuality(INFO), frames)
    metric = DepthVideoPanopticQuality(INFO)
    assert measured(metric, frames)["all"] == pytest.approx(plain["all"])


@pytest.mark.parametrize("kind", [VideoPanopticQuality, DepthVideoPanopticQuality])
def test_frames_without_or_with_the_same_name_are_refused(kind):
    metric = kind(INFO)
    example, prediction = pair(FRAMES[0])
    with pytest.raises(ValueError, match="no frame_id; windows"):
        metric.update(example._replace(frame_id=None), prediction)
    metric.update(example, prediction)
    with pytest.raises(ValueError, match="frame 0 of video 'a' was added twice"):
        metric.update(example, prediction)
    with pytest.raises(ValueError, match="was added twice"):
        metric.merge(metric)


def test_a_missing_next_frame_is_named():
    with pytest.raises(ValueError, match="no next_panoptic_pred and no next_panoptic_"):
        PairPanopticQuality(INFO).update(*pair(FRAMES[0]))
