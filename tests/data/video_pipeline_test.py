"""The pipeline on records with neighbouring frames, depth, and several cameras."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example
from deeplab.data import tfexample
from deeplab.data.encoded_depth import encode_depth
from deeplab.data.geometry import Resizing
from deeplab.data.parsed_example import Wanted, parse_example
from deeplab.data.photometric import ColorRanges
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import Augmentation, PipelineConfig
from deeplab.data.targets.segments import TargetOptions
from tests.parity import scenes

CAMERAS = ("front", "left")
INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, str(i), i > 10, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
    is_video=True,
    is_depth=True,
    ignore_depth=0,
)
MULTI = dataclasses.replace(INFO, camera_names=CAMERAS)
SIZE = (40, 60)
MOTION = ("semantic", "centers", "motion")
NEXT = ("semantic", "centers", "next_frame", "depth")
VOID = 255000


def label_of(i):
    return scenes.panoptic(*SIZE, 50)[:, ::-1].copy() if i < 0 else _shifted(i)


def _shifted(i):
    return np.roll(scenes.panoptic(*SIZE, 50), 3 * i, 1)


def pixels_of(label):
    """An image that tells the label of every pixel."""
    return np.stack([label // 1000, label % 1000, label // 1000 + 1], -1).astype(
        "uint8"
    )


def png(label):
    return tf.io.encode_png(pixels_of(label)).numpy()


def depth_of(i):
    rows = np.linspace(0, 80, SIZE[0], dtype=np.float32)
    return np.repeat(rows[:, None], SIZE[1], 1) + np.float32(i)


def record(i, **changes):
    fields = {
        "image": png(label_of(i)),
        "image_format": "png",
        "filename": f"frame {i}",
        "height": SIZE[0],
        "width": SIZE[1],
        "label": label_of(i),
        "previous_image": png(label_of(max(i - 1, 0))),
        "previous_label": label_of(max(i - 1, 0)),
        "next_image": png(label_of(i + 1)),
        "next_label": label_of(i + 1),
        "sequence_id": "07",
        "frame_id": f"{i:06d}",
        "depth": encode_depth(depth_of(i)),
    }
    return tfexample.encode_example(**(fields | changes))


def multi_camera_record(i):
    """What the published converter of a multi-camera data set writes."""
    features = tf.train.Example.FromString(record(i)).features.feature
    kept = (tfexample.FILENAME, tfexample.SEQUENCE_ID, tfexample.FRAME_ID)
    result = {key: features[key] for key in kept}
    for number, camera in enumerate(CAMERAS):
        one = tf.train.Example.FromString(record(i + 10 * number)).features.feature
        for key, prefix in tfexample.PER_CAMERA.items():
            result[prefix + camera] = one[key]
    result[tfexample.LABEL_FORMAT] = features[tfexample.LABEL_FORMAT]
    result[tfexample.DEPTH_FORMAT] = features[tfexample.DEPTH_FORMAT]
    example = tf.train.Example(features=tf.train.Features(feature=result))
    return example.SerializeToString()


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for serialized in records:
            writer.write(serialized)
    return str(path)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    cameras = [multi_camera_record(i) for i in range(2)]
    return {
        "video": write(folder / "video.tfrecord", [record(i) for i in range(3)]),
        "cameras": write(folder / "cameras.tfrecord", cameras),
    }


def build(path, training, targets, info=INFO, batch_size=1, **fields):
    config = PipelineConfig(
        **{
            "file_patterns": (path,),
            "resizing": Resizing((33, 49), 16),
            "previous_frame": "motion" in targets,
            "next_frame": "next_frame" in targets,
            "augmentation": Augmentation(0.5, 2.0, 0.25),
            "target_options": TargetOptions(sigma=2.0),
        }
        | fields
    )
    batches = build_pipeline(
        config, info, training=training, targets=targets, batch_size=batch_size, seed=3
    )
    return batches.map(lambda batch: {**batch.device, **batch.host})


@pytest.mark.parametrize("targets", [MOTION, NEXT])
def test_evaluation_shows_the_frame_and_its_neighbour(paths, targets):
    step = -1 if targets is MOTION else 1
    batches = list(build(paths["video"], False, targets))
    assert len(batches) == 3
    for i, batch in enumerate(batches):
        example = Example(**batch)
        image = example.image[0, : SIZE[0], : SIZE[1]]
        assert image.shape == (*SIZE, 6)
        np.testing.assert_array_equal(image[..., :3], pixels_of(label_of(i)))
        other = pixels_of(label_of(max(i + step, 0)))
        np.testing.assert_array_equal(image[..., 3:], other)
        assert example.sequence_id[0] == b"07"
        assert example.frame_id[0] == f"{i:06d}".encode()
        if targets is MOTION:
            assert example.next_panoptic_raw is example.depth_raw is None
            assert example.frame_offset_gt.shape[-1] == 2
            continue
        np.testing.assert_array_equal(example.next_panoptic_raw[0], label_of(i + 1))
        depth = np.rint(256 * depth_of(i)) / 256
        np.testing.assert_array_equal(example.depth_raw[0], depth)
        shown = example.depth_gt[0].numpy()
        np.testing.assert_array_equal(shown[: SIZE[0], : SIZE[1]], depth)
        assert (shown[SIZE[0] :] == 0).all()


@pytest.mark.parametrize("targets", [MOTION, NEXT])
def test_all_frames_labels_and_depth_share_the_geometry(paths, targets):
    """Each pixel of an unscaled crop still tells its label, in every frame."""
    batches = build(paths["video"], True, targets, augmentation=Augmentation())
    flips = set()
    for batch in batches.take(8):
        example = Example(**batch)
        i = int(bytes(example.image_filename[0].numpy()).split()[1])
        label = example.panoptic_gt[0].numpy()
        image = example.image[0].numpy()
        np.testing.assert_array_equal(image[..., :3], pixels_of(label))
        neighbour = label_of(max(i - 1, 0) if targets is MOTION else i + 1)
        found = find_crop(label, label_of(i))
        flips.add(found[2])
        np.testing.assert_array_equal(
            image[..., 3:6], pixels_of(cropped(neighbour, found, label.shape))
        )
        if targets is NEXT:
            depth = np.floor(256 * cropped(depth_of(i), found, label.shape)) / 256
            np.testing.assert_allclose(example.depth_gt[0], depth, atol=1 / 256)
    assert flips == {False, True}


def find_crop(crop, whole):
    """Returns top, left and flip of a crop in an image."""
    for flip in (False, True):
        seen = crop[:, ::-1] if flip else crop
        for top in range(whole.shape[0] - crop.shape[0] + 1):
            for left in range(whole.shape[1] - crop.shape[1] + 1):
                window = whole[top:, left:][: crop.shape[0], : crop.shape[1]]
                if np.array_equal(seen, window):
                    return top, left, flip
    raise AssertionError("the crop is not part of the image")


def cropped(whole, found, shape):
    top, left, flip = found
    window = whole[top : top + shape[0], left : left + shape[1]]
    return window[:, ::-1] if flip else window


def test_training_adds_the_heatmap_of_the_previous_centres(paths):
    batches = build(paths["video"], True, MOTION)
    assert batches.element_spec["image"].shape == (1, 33, 49, 7)
    assert "previous_heatmap" not in batches.element_spec
    first, again = (list(build(paths["video"], True, MOTION).take(4)) for _ in "12")
    for batch, repeated in zip(first, again, strict=True):
        heatmap = batch["image"][0, ..., 6].numpy()
        assert 0 <= heatmap.min() <= heatmap.max() <= 1
        for name, value in batch.items():
            np.testing.assert_array_equal(value, repeated[name])


def test_what_is_shown_twice_as_large_is_half_as_far(paths):
    fields = {"augmentation": Augmentation(2.0, 2.0, flip=False)}
    batch = next(iter(build(paths["video"], True, NEXT, **fields)))
    plain = np.rint(256 * depth_of(int(batch["image_filename"][0].numpy()[6:]))) / 256
    allowed = np.concatenate([np.floor(256 * plain / 2) / 256, [[0] * SIZE[1]]])
    assert np.isin(batch["depth_gt"], allowed).all()


def test_frames_change_colour_alike(paths):
    colors = ColorRanges(brightness=0.2, saturation=0.5)
    fields = {"augmentation": Augmentation(flip=False, colors=colors)}
    label = np.zeros(SIZE, np.int32)
    same = record(
        0, label=label, image=png(label_of(0)), previous_image=png(label_of(0))
    )
    path = write(paths["video"] + "-same", [same])
    for batch in build(path, True, MOTION, **fields).take(3):
        image = batch["image"].numpy()
        np.testing.assert_array_equal(image[..., :3], image[..., 3:6])


@pytest.mark.slow
def test_policies_draw_anew_for_each_frame(paths):
    fields = {"augmentation": Augmentation(policy="simple_classification_policy")}
    batches = build(paths["video"], True, MOTION, **fields)
    assert batches.element_spec["image"].shape == (1, 33, 49, 7)
    assert np.isfinite(next(iter(batches))["image"]).all()


def test_every_camera_is_an_example_of_its_own(paths):
    batches = list(build(paths["cameras"], False, NEXT, MULTI))
    names = [b["image_filename"][0].numpy() for b in batches]
    assert names == [
        *(b"frame 0_front", b"frame 1_front"),
        *(b"frame 0_left", b"frame 1_left"),
    ]
    assert [b["sequence_id"][0].numpy() for b in batches] == [
        *[b"07_front"] * 2,
        *[b"07_left"] * 2,
    ]
    for batch, i in zip(batches, (0, 1, 10, 11), strict=True):
        np.testing.assert_array_equal(batch["panoptic_raw"][0], label_of(i))
        np.testing.assert_array_equal(batch["next_panoptic_raw"][0], label_of(i + 1))
    (left, _) = build(paths["cameras"], False, NEXT, MULTI, cameras=("left",))
    np.testing.assert_array_equal(left["panoptic_raw"][0], label_of(10))
    trained = build(paths["cameras"], True, NEXT, MULTI, batch_size=4)
    assert sorted(next(iter(trained))["image_filename"].numpy()) == sorted(names)


TO_33_ROWS = Resizing(None, 16, min_resize_value=(33,))
TO_A_FACTOR = Resizing(None, 16, resize_factor=16)


@pytest.mark.parametrize(
    ("targets", "info", "fields", "message"),
    [
        (MOTION, INFO, {"previous_frame": False}, "use_two_frames: .*set it to true"),
        (MOTION, INFO, {"next_frame": True}, "use_next_frame: .*uses no next frame"),
        (NEXT, INFO, {"next_frame": False}, "use_next_frame: .*set it to true"),
        (("semantic",), INFO, {"previous_frame": True}, "use_two_frames: .*remove it"),
        (NEXT, INFO, {"resizing": TO_33_ROWS}, "images with depth cannot be resized"),
        (NEXT, INFO, {"resizing": TO_A_FACTOR}, "images with depth cannot be resized"),
        (MOTION, INFO, {"cameras": ("front",)}, "'test' has only one camera"),
        (
            NEXT,
            MULTI,
            {"cameras": ("rear",)},
            "choose distinct cameras from front, left",
        ),
        (NEXT, MULTI, {}, "no image/encoded/front and no image/encoded/left and"),
        (
            NEXT,
            MULTI,
            {},
            "with all frames, or list only its own cameras in cameras_to_use",
        ),
        (MOTION, MULTI, {}, "multi-camera records have no previous frame"),
    ],
)
def test_what_does_not_fit_is_refused(paths, targets, info, fields, message):
    with pytest.raises(ValueError, match=message):
        build(paths["video"], False, targets, info, **fields)


@pytest.mark.parametrize(
    ("targets", "left_out", "key"),
    [
        (MOTION, "previous_image", "prev_image/encoded"),
        (MOTION, "previous_label", "prev_image/segmentation/class/encoded"),
        (NEXT, "next_image", "next_image/encoded"),
        (NEXT, "next_label", "next_image/segmentation/class/encoded"),
        (NEXT, "depth", "image/depth/encoded"),
    ],
)
def test_a_missing_frame_names_key_and_file(paths, tmp_path, targets, left_out, key):
    bad = record(1, **{left_out: None})
    path = write(tmp_path / "a.tfrecord", [bad])
    with pytest.raises(ValueError, match=rf"a\.tfrecord: its first .* no {key}"):
        build(path, False, targets)
    wanted = Wanted(
        previous=targets is MOTION, next=targets is NEXT, depth=targets is NEXT
    )
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=f"the record of frame 1 has no {key}"
    ):
        parse_example(bad, wanted=wanted)


def test_a_later_record_without_its_frame_stops_the_pipeline(tmp_path):
    records = [record(0), record(1, next_image=None)]
    path = write(tmp_path / "b.tfrecord", records)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="frame 1 has no next_image/encoded"
    ):
        list(build(path, False, NEXT))


def test_published_flags_of_padded_resizing_are_no_resizing(paths):
    """Published configs set both resize values to 0."""
    resizing = Resizing((33, 49), 16, min_resize_value=(0,), max_resize_value=(0,))
    assert build(paths["video"], False, NEXT, resizing=resizing).element_spec


def test_frames_of_another_size_name_the_image():
    small = record(0, next_image=png(np.zeros((3, 4), np.int32)))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="next image of frame 0 differ in size"
    ):
        parse_example(small, wanted=Wanted(next=True))
