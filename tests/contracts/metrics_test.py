"""What every metric promises; a new one is covered by its line in the registry."""

import io

import numpy as np
import pytest

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics import METRICS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity import scenes

THINGS = (3, 4)
# Some of the drawn instances have more than the 100 pixels that Cityscapes asks for.
SIZE = (60, 80)
INFO = DatasetInfo(
    name="contract",
    classes=tuple(ClassInfo(i, f"c{i}", i in THINGS, (0, 0, 0), i) for i in range(5)),
    num_classes=5,
    ignore_label=255,
    label_divisor=1000,
)
OPTIONS = EvaluatorOptions(detailed_ap_metrics=True)


def image(seed, perfect=False, **changes):
    """Returns an example and its prediction, with every field a metric may read."""
    rng = np.random.default_rng(seed)
    truth = scenes.panoptic(*SIZE, seed, things=THINGS, stuff=(0, 1, 2))
    predicted = truth if perfect else scenes.perturb(truth, seed, things=THINGS)
    semantic = predicted // 1000
    depth = rng.uniform(-1, 20, truth.shape).astype("float32")
    depth = np.maximum(depth, 0)
    noise = 1 if perfect else rng.uniform(0.7, 1.4, truth.shape).astype("float32")
    maps = {
        "panoptic_raw": truth,
        "next_panoptic_raw": np.roll(truth, 2, 1),
        "next_panoptic_pred": np.roll(predicted, 2, 1),
        "depth_raw": depth,
        "depth_pred": (depth * noise)[..., None],
        "semantic_raw": truth // 1000,
        "is_crowd_raw": np.isin(truth, [1000 * i for i in THINGS]),
        "image_filename": f"{seed}.png",
        "sequence_id": f"{seed % 3}".encode(),
        "frame_id": f"{seed:06d}".encode(),
        "panoptic_pred": predicted,
        "semantic_pred": semantic,
        # Few distinct values, so that detections of different images tie.
        "instance_scores": rng.integers(1, 3, truth.shape).astype("float32") / 2,
        "semantic_probs": np.ones((*truth.shape, 5), np.float32) / 5,
        "class_gt": np.int32(seed % 5),
        "class_probs": np.eye(5, dtype=np.float32)[seed % 5 if perfect else seed % 2],
    } | changes
    example = {k: v for k, v in maps.items() if k in Example._fields}
    prediction = {k: v for k, v in maps.items() if k in Prediction._fields}
    return Example(image=None, **example), Prediction(**prediction)


@pytest.fixture(params=METRICS.names())
def make(request):
    return lambda: METRICS.get(request.param)(INFO, OPTIONS)


def of_maps(make):
    """Returns `make` if it makes a metric of maps, else skips."""
    if type(make()).__name__ == "TopKAccuracy":
        pytest.skip("reads no maps")
    return make


def measured(make, seeds):
    metric = make()
    for seed in seeds:
        metric.update(*image(seed))
    return metric


def assert_same(metric, other):
    """Results and states are equal in every bit."""
    assert metric.result() == other.result()
    state, other_state = metric.state(), other.state()
    assert list(state) == list(other_state)
    for name, value in state.items():
        assert value.dtype == other_state[name].dtype
        np.testing.assert_array_equal(value, other_state[name], name)


def stored(metric):
    """The file of a metric's state, as hosts hand it over and runs resume from it."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **metric.state())
    file.seek(0)
    return file


def restored(metric, file):
    with np.load(file, allow_pickle=False) as state:
        metric.load_state(state)
    return metric


@pytest.mark.parametrize("shards", [1, 2, 4])
@pytest.mark.parametrize("order", range(3))
def test_shards_in_any_order_give_the_same_bits(make, shards, order):
    rng = np.random.default_rng(order)
    expected = measured(make, range(11))
    parts = np.array_split(rng.permutation(11), shards)
    merged = make()
    for part in rng.permutation(len(parts)):
        merged.merge(measured(make, parts[part].tolist()))
    assert_same(merged, expected)


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_shards_of_hosts_that_were_interrupted_give_the_same_bits(make, shards):
    """Each host stores its state after one image, resumes, and hands over a file."""
    rng = np.random.default_rng(shards)
    merged = make()
    for part in np.array_split(rng.permutation(11), shards):
        first, *rest = part.tolist()
        host = restored(make(), stored(measured(make, [first])))
        for seed in rest:
            host.update(*image(seed))
        merged.merge(restored(make(), stored(host)))
    assert_same(merged, measured(make, range(11)))


def test_merging_does_not_depend_on_the_order(make):
    forward, backward = (make(), make())
    for metric, seeds in ((forward, (0, 1, 2)), (backward, (2, 1, 0))):
        for seed in seeds:
            metric.merge(measured(make, [seed]))
    assert_same(forward, backward)


def test_merging_is_associative_and_leaves_the_other_alone(make):
    a, b, c = (measured(make, [i, i + 1]) for i in (0, 2, 4))
    before = c.state()
    b.merge(c)
    a.merge(b)
    a.update(*image(6))
    assert_same(a, measured(make, range(7)))
    for name, value in c.state().items():
        np.testing.assert_array_equal(value, before[name])
    c.update(*image(9))
    assert_same(a, measured(make, range(7)))


@pytest.mark.parametrize("seeds", [[], [0, 1, 2]])
def test_resumes_from_a_stored_state(make, seeds):
    resumed = make()
    resumed.update(*image(7))
    restored(resumed, stored(measured(make, seeds)))
    assert_same(resumed, measured(make, seeds))
    resumed.update(*image(5))
    assert_same(resumed, measured(make, [*seeds, 5]))


def test_reset_forgets(make):
    metric = measured(make, [0, 1])
    metric.reset()
    assert_same(metric, make())
    metric.update(*image(2))
    assert_same(metric, measured(make, [2]))


def test_results_are_finite_floats_even_of_nothing(make):
    for metric in (make(), measured(make, range(3))):
        result = metric.result()
        assert result
        for name, value in result.items():
            assert type(name) is str
            assert type(value) is float
            assert -1.0 <= value <= 100.0


def test_a_perfect_prediction_gives_100(make):
    metric = make()
    for seed in range(3):
        metric.update(*image(seed, perfect=True))
    result = metric.result()
    assert next(iter(result.values())) == pytest.approx(100.0)


def test_inputs_are_not_changed(make):
    example, prediction = image(0)
    arrays = {
        k: v
        for k, v in (example._asdict() | prediction._asdict()).items()
        if isinstance(v, np.ndarray)
    }
    copies = {k: v.copy() for k, v in arrays.items()}
    make().update(example, prediction)
    for name, value in arrays.items():
        np.testing.assert_array_equal(value, copies[name])


def test_refuses_maps_of_another_size(make):
    _, prediction = image(0)
    wider = {
        name: np.zeros((60, 81), np.int32)
        for name in ("panoptic_raw", "semantic_raw", "depth_raw")
    }
    example, _ = image(0, **wider)
    with pytest.raises(ValueError, match=r"0\.png.*60 x 81.*60 x 80"):
        of_maps(make)().update(example, prediction)


def test_refuses_missing_and_empty_maps(make):
    with pytest.raises(ValueError, match=r"image: no .*_pred.* to evaluate"):
        of_maps(make)().update(image(0)[0]._replace(image_filename=None), Prediction())
    empty = {
        name: value[:0]
        for name, value in (image(0)[0]._asdict() | image(0)[1]._asdict()).items()
        if isinstance(value, np.ndarray)
    }
    with pytest.raises(ValueError, match="no pixels"):
        make().update(*image(0, **empty))


def test_refuses_classes_that_do_not_exist(make):
    if type(make()).__name__ == "DepthErrors":
        pytest.skip("reads no classes")
    of_maps(make)
    strange = np.full(SIZE, 77, np.int32)
    with pytest.raises(ValueError, match=r"0\.png.*ground truth.*\[77\].*contract"):
        make().update(
            *image(0, panoptic_raw=77001 * strange // 77, semantic_raw=strange)
        )
    with pytest.raises(ValueError, match=r"0\.png.*\[77\].*predicted.*5 classes"):
        make().update(*image(0, panoptic_pred=strange * 1000, semantic_pred=strange))
