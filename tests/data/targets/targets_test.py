"""Targets against a loop over instances, on random and on degenerate scenes."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.data.targets import NEEDS, TARGETS
from deeplab.data.targets.segments import Frames, Segments, TargetOptions
from tests.parity import scenes

INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)
OPTIONS = TargetOptions(
    sigma=2.0, small_instance_threshold=60, small_instance_weight=3.0, max_thing_id=300
)
VOID = 255000


def scene_of_many(height=97, width=129, count=300):
    """One instance per 6 x 6 cell, numbered through."""
    rows, columns = np.mgrid[:height, :width] // 6
    number = rows * 100 + columns
    _, index = np.unique(number, return_inverse=True)
    index = index.reshape(height, width)
    return np.where(index < count, 13000 + index + 1, 0).astype(np.int32)


SCENES = {
    **{f"random {i}": scenes.panoptic(65, 97, i, n=3 * i + 1) for i in range(6)},
    "no things": np.full((9, 17), 1000, np.int32),
    "all void": np.full((9, 17), VOID, np.int32),
    "all crowd": np.full((9, 17), 11000, np.int32),
    "all one instance": np.full((9, 17), 11001, np.int32),
    "one pixel": np.array([[12007]], np.int32),
    "stuff with instance ids": np.array([[1000, 1001, 2005], [2005, 0, 12001]]),
    "cut by the border": scenes.panoptic(65, 97, 3)[20:37, 40:57],
    "300 instances": scene_of_many(),
}


def oracle(label, options):
    """The targets by a loop over instances, each with a mask of the whole image."""
    height, width = label.shape
    class_id, instance_id = label // 1000, label % 1000
    is_thing = np.isin(class_id, INFO.thing_ids)
    crowd = is_thing & (instance_id == 0)
    weight = np.ones(label.shape)
    heatmap = np.zeros(label.shape)
    offsets = np.zeros((height, width, 2))
    rows, columns = np.mgrid[:height, :width]
    for value in np.unique(label):
        mask = label == value
        if value % 1000 == 0 or value // 1000 == 255:
            continue
        if mask.sum() < options.small_instance_threshold:
            weight[mask] = options.small_instance_weight
        ys, xs = np.nonzero(mask)
        y, x = round(ys.sum() / len(ys)), round(xs.sum() / len(xs))
        offsets[mask] = np.stack([y - ys, x - xs], axis=1)
        near = np.maximum(abs(rows - y), abs(columns - x)) <= 3 * options.sigma + 1
        square = (rows - y) ** 2 + (columns - x) ** 2
        peak = np.where(near, np.exp(-square / (2 * options.sigma**2)), 0)
        heatmap = np.maximum(heatmap, peak)
    things = {}
    for value in label.ravel().tolist():
        if value // 1000 in INFO.thing_ids and value % 1000:
            things.setdefault(value, len(things))
    classes = [value // 1000 for value in things]
    return {
        "thing_id_mask_gt": np.vectorize(lambda v: things.get(v, -1))(label),
        "thing_id_class_gt": classes + [-1] * (options.max_thing_id - len(classes)),
        "semantic_gt": class_id,
        "panoptic_gt": label,
        "is_crowd_gt": crowd,
        "semantic_loss_weight": weight,
        "instance_center_gt": heatmap,
        "center_loss_weight": ~crowd & (class_id != 255),
        "instance_regression_gt": offsets,
        "regression_loss_weight": is_thing & ~crowd,
    }


def targets_of(label, options=OPTIONS):
    frames = Frames(Segments(tf.cast(label, tf.int32), INFO))
    fields = {}
    for name in set(TARGETS.names()) - set(NEEDS):
        fields |= TARGETS.get(name)(frames, options)
    return fields


@pytest.mark.parametrize("scene", SCENES)
def test_equals_a_loop_over_instances(scene):
    label = SCENES[scene]
    fields = targets_of(label)
    expected = oracle(label, OPTIONS)
    assert fields.keys() == expected.keys()
    for name, value in expected.items():
        if name == "instance_center_gt":
            np.testing.assert_allclose(fields[name], value, atol=1e-6)
        else:
            np.testing.assert_array_equal(fields[name], value, err_msg=name)


def test_types():
    fields = targets_of(SCENES["random 1"])
    types = {name: value.dtype.name for name, value in fields.items()}
    assert types == {
        "semantic_gt": "int32",
        "panoptic_gt": "int32",
        "is_crowd_gt": "bool",
        "semantic_loss_weight": "float32",
        "instance_center_gt": "float32",
        "center_loss_weight": "float32",
        "instance_regression_gt": "float32",
        "regression_loss_weight": "float32",
        "thing_id_mask_gt": "int32",
        "thing_id_class_gt": "int32",
    }


def test_centre_of_an_even_row_rounds_to_even():
    """The mean column of 4 pixels is 1.5, which rounds to 2, of 2 pixels 0.5 to 0."""
    fields = targets_of(np.array([[12001] * 4, [12002] * 2 + [0, 0]]))
    columns = fields["instance_regression_gt"][..., 1]
    np.testing.assert_array_equal(columns, [[2, 1, 0, -1], [0, -1, 0, 0]])


def test_threshold_is_exclusive():
    label = np.array([[12001] * 3, [12002] * 2 + [0]])
    options = TargetOptions(small_instance_threshold=3, small_instance_weight=5.0)
    assert "thing_id_mask_gt" not in targets_of(label, options)
    weight = targets_of(label, options)["semantic_loss_weight"]
    np.testing.assert_array_equal(weight, [[1, 1, 1], [5, 5, 1]])


def test_the_largest_things_get_the_masks():
    """Areas 1, 3, 2, 3; two fit: the second and the fourth, in this order."""
    label = np.array([[11001, 12001, 12001, 12001, 13000], [11002, 11002, 14001, 0, 0]])
    label[1, 3:] = 14001
    fields = targets_of(label, TargetOptions(max_thing_id=2))
    np.testing.assert_array_equal(
        fields["thing_id_mask_gt"], [[-1, 0, 0, 0, -1], [-1, -1, 1, 1, 1]]
    )
    np.testing.assert_array_equal(fields["thing_id_class_gt"], [12, 14])


def test_renaming_instances_changes_only_the_panoptic_map():
    label = SCENES["random 2"]
    renamed = np.where(label % 1000 > 0, label + 100, label)
    before, after = targets_of(label), targets_of(renamed)
    for name in before.keys() - {"panoptic_gt"}:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


def test_mirroring_mirrors():
    # Columns are left out: a mean of a half rounds to even on either side.
    label = SCENES["random 3"]
    before, after = targets_of(label), targets_of(label[:, ::-1])
    for name in ("center_loss_weight", "semantic_loss_weight", "semantic_gt"):
        np.testing.assert_array_equal(before[name][:, ::-1], after[name], err_msg=name)
    rows = [f["instance_regression_gt"].numpy()[..., 0] for f in (before, after)]
    np.testing.assert_array_equal(rows[0][:, ::-1], rows[1])


def test_works_inside_a_data_set():
    label = SCENES["random 4"]
    dataset = tf.data.Dataset.from_tensors(label).map(targets_of)
    for name, value in next(iter(dataset)).items():
        np.testing.assert_array_equal(value, targets_of(label)[name], err_msg=name)


def test_unknown_target_lists_the_nearest():
    with pytest.raises(ValueError, match="did you mean centers"):
        TARGETS.get("center")
