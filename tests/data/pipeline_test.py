"""The whole pipeline, on small records of several sizes."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Batch, Example
from deeplab.data.copy_paste import CopyPaste
from deeplab.data.geometry import Resizing
from deeplab.data.photometric import ColorRanges
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import (
    Augmentation,
    PipelineConfig,
    pipeline_config,
)
from deeplab.data.targets.segments import TargetOptions
from deeplab.data.tfexample import encode_example
from deeplab.protos.dataset_pb2 import DatasetOptions
from tests.parity import scenes

INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)
TARGETS = ("semantic", "centers")
VOID = 255000
AUGMENTATION = Augmentation(min_scale=0.5, max_scale=2.0, scale_step=0.25)
EVERYTHING = dataclasses.replace(
    AUGMENTATION,
    policy="simple_classification_policy",
    colors=ColorRanges(0.1, 0.1, 0.1, 0.1),
)


def size_of(i):
    return 40 + 5 * (i % 3), 60 - 7 * (i % 4)


def image_of(i):
    random = np.random.default_rng(i)
    return random.integers(0, 256, (*size_of(i), 3)).astype(np.uint8)


def label_of(i):
    return scenes.panoptic(*size_of(i), i)


def write_split(folder, name, count, shards, with_labels=True):
    for shard in range(shards):
        path = folder / f"{name}-{shard}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for i in range(count * shard // shards, count * (shard + 1) // shards):
                height, width = size_of(i)
                writer.write(
                    encode_example(
                        image=tf.io.encode_png(image_of(i)).numpy(),
                        image_format="png",
                        filename=f"image {i}",
                        height=height,
                        width=width,
                        label=label_of(i) if with_labels else None,
                    )
                )
    return f"{folder}/{name}-*.tfrecord"


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    return {
        "labelled": write_split(folder, "labelled", 7, 3),
        "unlabelled": write_split(folder, "unlabelled", 3, 1, with_labels=False),
    }


def config_of(pattern, **fields):
    return PipelineConfig(
        **{
            "file_patterns": (pattern,),
            "resizing": Resizing((33, 65), 16),
            "augmentation": AUGMENTATION,
        }
        | fields
    )


def build(config, training, batch_size=2, seed=5, **arguments):
    batches = build_pipeline(
        config,
        INFO,
        training=training,
        targets=TARGETS,
        batch_size=batch_size,
        seed=seed,
        **arguments,
    )
    return batches.map(lambda batch: {**batch.device, **batch.host})


def names_of(batches):
    return [int(n.split()[1]) for b in batches for n in b["image_filename"].numpy()]


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def test_training_elements_are_static_crops(patterns):
    dataset = build(config_of(patterns["labelled"]), True)
    example = Example(**dataset.element_spec)
    assert example.image.shape == (2, 33, 65, 3)
    assert example.image.dtype == tf.float32
    for name in Example._fields[1:8]:
        assert getattr(example, name).shape[:3] == (2, 33, 65), name
    assert example.instance_regression_gt.shape == (2, 33, 65, 2)
    assert example.image_filename.shape == (2,)
    assert example.semantic_raw is None
    batch = next(iter(dataset))
    assert batch.keys() == dataset.element_spec.keys()
    assert batch["image"].numpy().min() >= 0
    assert batch["image"].numpy().max() <= 255


@pytest.mark.parametrize("training", [True, False])
def test_a_field_is_on_the_side_where_it_is_needed(patterns, training):
    spec = build_pipeline(
        config_of(patterns["labelled"]),
        INFO,
        training=training,
        targets=TARGETS,
        batch_size=2,
        seed=5,
    ).element_spec
    assert isinstance(spec, Batch)
    stored = {"semantic_raw", "panoptic_raw", "is_crowd_raw"}
    sizes = {"size_raw", "resized_size", "input_size"}
    more = set() if training else stored | sizes
    assert spec.host.keys() == {"image_filename"} | more
    assert spec.device.keys() == {
        "image",
        "semantic_gt",
        "panoptic_gt",
        "is_crowd_gt",
        "semantic_loss_weight",
        "instance_center_gt",
        "center_loss_weight",
        "instance_regression_gt",
        "regression_loss_weight",
    }


def test_batches_repeat_with_the_seed_and_differ_without(patterns):
    config = config_of(patterns["labelled"], augmentation=EVERYTHING)
    runs = [list(build(config, True, seed=seed).take(4)) for seed in (5, 5, 6)]
    for first, second in zip(runs[0], runs[1], strict=True):
        assert_equal(first, second)
    assert not np.array_equal(runs[0][0]["image"], runs[2][0]["image"])


def test_epochs_hold_every_image_once_and_differ(patterns):
    config = config_of(patterns["labelled"])
    names = names_of(build(config, True, batch_size=7).take(3))
    epochs = [names[i : i + 7] for i in (0, 7, 14)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_an_image_is_augmented_anew_in_each_epoch(patterns):
    config = config_of(patterns["labelled"])
    batches = list(build(config, True, batch_size=1).take(14))
    seen = [b["image"].numpy() for b in batches if names_of([b]) == [3]]
    assert len(seen) == 2
    assert not np.array_equal(*seen)


@pytest.mark.parametrize("consumed", [0, 6])
def test_restored_iterator_gives_the_very_next_batch(patterns, tmp_path, consumed):
    dataset = build(config_of(patterns["labelled"]), True, batch_size=3)
    iterator = iter(dataset)
    for _ in range(consumed):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).write(str(tmp_path / "position"))
    expected = [next(iterator) for _ in range(3)]
    size = sum(os.path.getsize(tmp_path / f) for f in os.listdir(tmp_path))
    assert size < 10_000, "the checkpoint holds examples instead of a position"

    restored = iter(build(config_of(patterns["labelled"]), True, batch_size=3))
    tf.train.Checkpoint(iterator=restored).read(path).assert_consumed()
    for batch in expected:
        assert_equal(batch, next(restored))


def test_pipeline_starts_at_any_batch(patterns):
    config = config_of(patterns["labelled"])
    unbroken = list(build(config, True, batch_size=3).take(6))
    resumed = build(config, True, batch_size=3, first_batch=4).take(2)
    for first, second in zip(unbroken[4:], resumed, strict=True):
        assert_equal(first, second)


def test_unaugmented_training_crop_is_the_image(patterns):
    """A crop of 60 x 80 holds every image whole, somewhere, perhaps mirrored."""
    config = config_of(
        patterns["labelled"],
        resizing=Resizing((60, 80), 16),
        augmentation=Augmentation(),
    )
    for batch in build(config, True, batch_size=1).take(14):
        i = names_of([batch])[0]
        height, width = size_of(i)
        image = batch["image"][0].numpy()
        label = batch["panoptic_gt"][0].numpy()
        found = []
        for top in range(60 - height + 1):
            for left in range(80 - width + 1):
                window = np.s_[top : top + height, left : left + width]
                for mirror in (np.s_[:, :], np.s_[:, ::-1]):
                    if np.array_equal(label[window], label_of(i)[mirror]):
                        found.append((window, mirror))
        assert len(found) == 1
        window, mirror = found[0]
        np.testing.assert_array_equal(image[window], image_of(i)[mirror])
        outside = np.ones(label.shape, bool)
        outside[window] = False
        assert (image[outside] == 127.5).all()
        assert (label[outside] == VOID).all()
        assert (batch["semantic_gt"][0].numpy()[outside] == 255).all()


@pytest.mark.parametrize("batch_size", [1, 3, 7, 20])
def test_evaluation_keeps_every_image_whole(patterns, batch_size):
    config = config_of(patterns["labelled"])
    batches = list(build(config, False, batch_size))
    assert names_of(batches) == list(range(7))
    sizes = [len(b["image"]) for b in batches]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    i = 0
    for batch in batches:
        largest = batch["size_raw"].numpy().max(0)
        for k in range(len(batch["image"])):
            height, width = size_of(i)
            assert tuple(batch["size_raw"][k]) == (height, width)
            assert tuple(batch["resized_size"][k]) == (height, width)
            # Images of 40 and 50 rows, whatever the largest one of the batch is.
            assert tuple(batch["input_size"][k]) == (49 if height <= 49 else 65, 65)
            raw = batch["panoptic_raw"][k].numpy()
            assert raw.shape == tuple(largest)
            np.testing.assert_array_equal(raw[:height, :width], label_of(i))
            np.testing.assert_array_equal(
                batch["semantic_raw"][k][:height, :width], label_of(i) // 1000
            )
            np.testing.assert_array_equal(
                batch["is_crowd_raw"][k][:height, :width], label_of(i) == 11000
            )
            outside = np.ones(raw.shape, bool)
            outside[:height, :width] = False
            assert (raw[outside] == VOID).all()
            assert (batch["semantic_raw"][k].numpy()[outside] == 255).all()
            assert not batch["is_crowd_raw"][k].numpy()[outside].any()
            image = batch["image"][k].numpy()
            # The crop of 33 x 65 is too low for every image: 49 or 65 rows instead.
            assert image.shape[0] % 16 == 1
            assert image.shape[1] == 65
            np.testing.assert_array_equal(image[:height, :width], image_of(i))
            assert (image[height:] == 127.5).all()
            assert (batch["semantic_gt"][k].numpy()[height:] == 255).all()
            assert not batch["semantic_gt"][k].numpy()[:height, :width].max() > 255
            assert (batch["regression_loss_weight"][k].numpy()[height:] == 0).all()
            i += 1


def test_batch_pads_targets_of_smaller_images_with_void(patterns):
    """Without a crop, images of 40 and 50 rows become 49 and 65 rows, then 65."""
    config = config_of(patterns["labelled"], resizing=Resizing(None, 16))
    batch = next(iter(build(config, False, batch_size=3)))
    assert batch["image"].shape == (3, 65, 65, 3)
    assert (batch["image"][0, 49:].numpy() == 127.5).all()
    assert (batch["semantic_gt"][0, 49:].numpy() == 255).all()
    assert (batch["panoptic_gt"][0, 49:].numpy() == VOID).all()
    for name in ("center_loss_weight", "instance_center_gt", "semantic_loss_weight"):
        assert (batch[name][0, 49:].numpy() == 0).all(), name


def test_unlabelled_records_are_evaluated_without_labels(patterns):
    config = config_of(patterns["unlabelled"], has_labels=False)
    dataset = build(config, False)
    assert set(dataset.element_spec) == {
        "image",
        "image_filename",
        "size_raw",
        "resized_size",
        "input_size",
    }
    assert names_of(dataset) == [0, 1, 2]


def test_missing_label_is_reported(patterns):
    message = r"unlabelled-0\.tfrecord: .* has no image/segmentation/class/encoded"
    with pytest.raises(ValueError, match=message):
        build(config_of(patterns["unlabelled"]), False)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resizing": Resizing(None, 16)}, "crop_size: training needs"),
        ({"has_labels": False}, "training needs labels"),
        ({"augmentation": Augmentation(policy="none")}, "autoaugment_policy_name"),
        ({"augmentation": Augmentation(min_scale=2.0)}, "ascending order"),
        ({"file_patterns": ("nowhere/x*",)}, "no file matches the .*nowhere/x"),
    ],
)
def test_what_cannot_train_is_refused(patterns, fields, message):
    config = config_of(patterns["labelled"], **fields)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        build(config, True)


def test_hosts_share_the_batches_of_one(patterns):
    config = config_of(patterns["labelled"])
    whole = list(build(config, True, batch_size=4).take(3))
    contexts = [tf.distribute.InputContext(2, i, 4) for i in range(2)]
    hosts = [
        # Two replicas on each host take one image each.
        list(build(config, True, batch_size=4, input_context=context).take(6))
        for context in contexts
    ]
    for b, batch in enumerate(whole):
        parts = [hosts[h][2 * b + r] for h in range(2) for r in range(2)]
        assert all(len(part["image"]) == 1 for part in parts)
        joined = {n: np.concatenate([p[n] for p in parts]) for n in batch}
        assert_equal(batch, joined)


def test_distributed_batches_are_those_of_one_device(patterns):
    config = config_of(patterns["labelled"])
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    distributed = strategy.experimental_distribute_dataset(build(config, True))
    for first, second in zip(build(config, True).take(2), distributed, strict=False):
        assert_equal(first, second)


def test_options_become_a_config():
    options = DatasetOptions(
        file_pattern=["a", "b"],
        crop_size=[33, 65],
        min_resize_value=[41],
        max_resize_value=[41, 81],
        resize_factor=16,
        sigma=4.0,
        increase_small_instance_weights=True,
        small_instance_weight=2.0,
        augmentations=DatasetOptions.AugmentationOptions(
            min_scale_factor=0.5,
            max_scale_factor=2.0,
            scale_factor_step_size=0.5,
            random_flip=False,
            hue_delta=0.25,
        ),
    )
    expected = PipelineConfig(
        file_patterns=("a", "b"),
        resizing=Resizing((33, 65), 16, (41,), (41, 81), 16),
        augmentation=Augmentation(0.5, 2.0, 0.5, False, "", ColorRanges(hue=0.25)),
        target_options=TargetOptions(4.0, 4096, 2.0),
    )
    assert pipeline_config(options, 16, training=True) == expected
    evaluation = pipeline_config(options, 16, training=False)
    assert evaluation.augmentation == Augmentation()
    options.increase_small_instance_weights = False
    plain = pipeline_config(options, 16, training=True).target_options
    assert plain == TargetOptions(4.0, 0, 1.0)
    options.thing_id_mask_annotations = True
    options.max_thing_id = 7
    masks = pipeline_config(options, 16, training=True).target_options
    assert masks == TargetOptions(4.0, 0, 1.0, max_thing_id=7)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"crop_size": [33]}, "crop_size"),
        ({"thing_id_mask_annotations": True, "max_thing_id": 0}, "max_thing_id 0"),
        ({"min_resize_value": [1, 2, 3]}, "resize values"),
        (
            {"augmentations": DatasetOptions.AugmentationOptions(hue_delta=0.7)},
            "hue delta",
        ),
    ],
)
def test_impossible_options_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        pipeline_config(DatasetOptions(**fields), 16, training=True)


def test_pasting_is_a_function_of_seed_and_number(patterns):
    """The second batch is the same alone; others than pasted pixels stay."""
    options = DatasetOptions.AugmentationOptions(
        panoptic_copy_paste=DatasetOptions.PanopticCopyPasteOptions(
            panoptic_copy_paste_scale=0.75, panoptic_copy_paste_thing_option="all"
        )
    )
    augmentation = pipeline_config(
        DatasetOptions(augmentations=options), 16, training=True
    ).augmentation
    assert augmentation.copy_paste == CopyPaste(0.75, "all", "random", "none")
    plain = config_of(patterns["labelled"])
    pasting = dataclasses.replace(plain, augmentation=augmentation)
    unaugmented = dataclasses.replace(plain, augmentation=Augmentation())
    before = next(iter(build(unaugmented, True)))
    batches = list(build(pasting, True).take(2))
    resumed = next(iter(build(pasting, True, first_batch=1)))
    assert_equal(batches[1], resumed)
    changed = before["panoptic_gt"] != batches[0]["panoptic_gt"]
    assert 0 < np.mean(changed) < 1
    same = np.all(before["image"] == batches[0]["image"], axis=-1)
    assert np.mean(same) > 0.05
    assert not np.any(changed & same & (before["panoptic_gt"] % 1000 > 0))


def test_pasting_on_several_frames_is_refused(patterns):
    config = dataclasses.replace(
        config_of(patterns["labelled"]),
        next_frame=True,
        augmentation=Augmentation(copy_paste=CopyPaste(0.5)),
    )
    with pytest.raises(
        ValueError, match="panoptic_copy_paste works only on single images"
    ):
        build_pipeline(
            config,
            INFO,
            training=True,
            targets=["semantic", "next_frame"],
            batch_size=1,
            seed=1,
        )
