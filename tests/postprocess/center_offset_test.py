"""The whole post-processing against a loop over pixels, on scenes full of ties."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Prediction
from deeplab.postprocess.center_offset import CenterOffset, under_xla
from tests.numbered import label_space
from tests.postprocess import oracle

THINGS = (2, 3, 5)
OPTIONS = {
    "labels": label_space(6, things=THINGS, ignore_label=9, label_divisor=100),
    "center_threshold": 0.15,
    "nms_kernel": 3,
    "keep_k_centers": 6,
    "stuff_area_limit": 0,
}


def batch_of(scenes):
    probs, heatmap, offsets = (np.stack(maps) for maps in zip(*scenes, strict=True))
    return Prediction(
        semantic_probs=tf.constant(probs),
        center_heatmap=tf.constant(heatmap),
        offset_map=tf.constant(offsets),
    )


def alone(postprocess):
    """Returns a post-processor that looks at no images as a function of predictions."""
    return lambda prediction: postprocess(prediction, tf.zeros([1, 1, 1, 3]))


def with_unknown_shapes(postprocess):
    return tf.function(
        lambda maps: postprocess(Prediction(**maps)),
        input_signature=[
            {
                "semantic_probs": tf.TensorSpec([None, None, None, 6]),
                "center_heatmap": tf.TensorSpec([None, None, None]),
                "offset_map": tf.TensorSpec([None, None, None, 2]),
            }
        ],
    )


def check(scenes, mode="eager", **changes):
    options = OPTIONS | changes
    postprocess = alone(CenterOffset(**options))
    prediction = batch_of(scenes)
    if mode == "unknown shapes":
        maps = {k: v for k, v in prediction._asdict().items() if v is not None}
        result = with_unknown_shapes(postprocess)(maps)
    elif mode == "XLA":
        result = tf.function(postprocess, jit_compile=True)(prediction)
    else:
        result = postprocess(prediction)
    for i, scene in enumerate(scenes):
        for name, expected in oracle.postprocess(*scene, **options).items():
            np.testing.assert_array_equal(getattr(result, name)[i], expected, name)
    return result


@pytest.mark.parametrize("seed", range(30))
def test_equals_the_oracle(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 34, 2)
    scenes = [
        oracle.random_scene(
            rng, height, width, centers=rng.integers(0, 12), reach=rng.choice([1, 8])
        )
        for _ in range(rng.integers(1, 4))
    ]
    check(
        scenes,
        nms_kernel=int(rng.choice([1, 2, 3, 4, 7])),
        keep_k_centers=int(rng.choice([0, 1, 3, 50])),
        stuff_area_limit=int(rng.choice([0, 1, 20])),
    )


@pytest.mark.parametrize("mode", ["unknown shapes", "XLA"])
@pytest.mark.parametrize("keep", [-1, 4])
@pytest.mark.parametrize("size", [(1, 1), (33, 65), (20, 17)])
def test_graphs_equal_the_oracle(mode, keep, size):
    rng = np.random.default_rng(7)
    scenes = [oracle.random_scene(rng, *size, centers=n) for n in (0, 9)]
    check(scenes, mode, keep_k_centers=keep, stuff_area_limit=30)


@pytest.mark.parametrize("mode", ["eager", "XLA"])
def test_no_centers_make_one_instance_of_the_majority(mode):
    rng = np.random.default_rng(0)
    probs, heatmap, offsets = oracle.random_scene(rng, 12, 13)
    result = check([(probs, 0 * heatmap, offsets)], mode)
    things = np.isin(result.semantic_pred, THINGS)
    assert not np.any(result.instance_pred)
    assert not np.any(result.instance_scores)
    assert len(np.unique(result.panoptic_pred[things])) == 1


@pytest.mark.parametrize("mode", ["eager", "XLA"])
@pytest.mark.parametrize("things", [(), range(6)])
def test_only_stuff_and_only_things(mode, things):
    scene = oracle.random_scene(np.random.default_rng(1), 12, 13)
    labels = label_space(6, things, ignore_label=9, label_divisor=100)
    check([scene], mode, labels=labels)


@pytest.mark.parametrize("mode", ["eager", "XLA"])
def test_offsets_that_are_not_finite_stay_within_the_instances(mode):
    rng = np.random.default_rng(2)
    probs, heatmap, offsets = oracle.random_scene(rng, 9, 9)
    offsets[rng.random((9, 9)) < 0.5] = rng.choice([np.nan, np.inf, -np.inf, 1e30])
    result = check([(probs, heatmap, np.nan_to_num(offsets, nan=3.0))], mode)
    postprocess = alone(CenterOffset(**OPTIONS))
    broken = postprocess(batch_of([(probs, heatmap, offsets)]))
    assert np.all((broken.instance_pred > 0) == (result.instance_pred > 0))


def test_fields_of_the_model_stay_as_they_are():
    scene = oracle.random_scene(np.random.default_rng(3), 9, 9)
    prediction = batch_of([scene])
    result = alone(CenterOffset(**OPTIONS))(prediction)
    for name in ("semantic_probs", "center_heatmap", "offset_map"):
        assert getattr(result, name) is getattr(prediction, name)


@pytest.mark.parametrize("option", [{"nms_kernel": 0}, {"stuff_area_limit": -1}])
def test_refuses_options_out_of_range(option):
    (name,) = option
    with pytest.raises(ValueError, match=f"{name} must be at least"):
        CenterOffset(**(OPTIONS | option))


def test_knows_when_it_is_traced_for_xla():
    """Also inside an ordinary function that a compiled one calls."""
    seen = {}

    def look(name):
        seen[name] = under_xla()
        return tf.constant(0)

    look("eager")
    tf.function(lambda: look("graph"))()
    tf.function(lambda: look("XLA"), jit_compile=True)()
    inner = tf.function(look)
    tf.function(lambda: inner("called by XLA"), jit_compile=True)()
    assert seen == {"eager": False, "graph": False, "XLA": True, "called by XLA": True}
