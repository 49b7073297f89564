"""Video models from training to export: Motion-DeepLab; ViP-DeepLab, also depthless."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab import factory
from deeplab.cli import main
from deeplab.config import ConfigError
from deeplab.core.structures import Example
from deeplab.export.saved_model import export
from deeplab.inference.exported import load
from deeplab.inference.predictor import Predictor
from deeplab.inference.read_image import read_image
from deeplab.plan import resolve
from deeplab.trainer import experiment
from deeplab.trainer.step_evaluator import StepEvaluator
from tests.e2e import tiny_video
from tests.parity import parity

WITH_DEPTH = ["motion_deeplab", "vip_deeplab"]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    tiny_video.write_records(folder, "train", 2)
    tiny_video.write_records(folder, "val", 2)
    return folder


def weighted_model(config):
    """Returns a model of weights that are neither zero nor alike; it sees things."""
    model = factory.build_model(config)
    parity.fill_weights(model.checkpoint_items)
    bias = model.head.checkpoint_items["semantic_last_layer"].bias
    things = resolve(config).info.thing_ids
    bias.assign([0.2 * (i in things) for i in range(bias.shape[0])])
    return model


class Keeper:
    """A prediction writer that keeps what it is given."""

    def __init__(self):
        self.kept = []

    def reset(self):
        self.kept = []

    def write(self, example, prediction):
        self.kept.append((example, prediction))

    def close(self):
        """Keeps what it has."""


def evaluated(config, model, strategy=None):
    """Returns the examples of evaluation with their predictions."""
    keeper = Keeper()
    scope = strategy.scope() if strategy else tf.distribute.get_strategy().scope()
    with scope:
        StepEvaluator(
            dataset=factory.build_eval_pipeline(config),
            model=model,
            metrics={},
            writers=[keeper],
        ).evaluate(tf.constant(-1))
    return keeper.kept


def videos(records):
    """Returns the frames of each video as arrays."""
    raw = tiny_video.data_set(2).read(records, "val")
    frames = [tf.io.decode_jpeg(r.load().image).numpy() for r in raw]
    return [frames[: tiny_video.FRAMES], frames[tiny_video.FRAMES :]]


@pytest.mark.parametrize(
    "architecture",
    [
        "motion_deeplab",
        pytest.param("vip_deeplab", marks=pytest.mark.slow),
        pytest.param("vip_deeplab_without_depth", marks=pytest.mark.slow),
    ],
)
def test_two_steps_and_an_evaluation(architecture, records, tmp_path):
    config = tiny_video.config_of(architecture, records)
    results = experiment.run(config, "train_and_eval", tmp_path)
    losses = {k for k in results if k.startswith("losses/")}
    fields = config.trainer_options.loss_options.ListFields()
    assert losses == {f"losses/{f.name}" for f, _ in fields} | {"losses/total_loss"}
    for name in losses:
        assert np.isfinite(results[name]), name
    assert resolve(config).main_metric in results
    assert "mean_iou/miou" in results


@pytest.mark.parametrize(
    "architecture",
    [
        *WITH_DEPTH,
        pytest.param("vip_deeplab_without_depth", marks=pytest.mark.slow),
    ],
)
def test_every_weight_learns(architecture, records):
    config = tiny_video.config_of(architecture, records)
    model = weighted_model(config)
    loss = factory.build_loss(config)
    batch = Example(**next(iter(factory.build_train_pipeline(config))).device)
    assert batch.image.shape[-1] == model.input_channels
    with tf.GradientTape() as tape:
        losses = loss(batch, model(batch.image, training=True))
    gradients = tape.gradient(losses["total_loss"], model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient).all(), variable.name
        assert np.any(gradient), variable.name


@pytest.mark.parametrize("architecture", WITH_DEPTH)
def test_what_is_exported_equals_what_is_evaluated(architecture, records, tmp_path):
    config = tiny_video.config_of(architecture, records)
    model = weighted_model(config)
    kept = evaluated(config, model)
    folder = export(
        model,
        factory.build_preprocess(config),
        resolve(config).info,
        tmp_path / "model",
    )
    predictor = load(folder)
    found = [p for frames in videos(records) for p in predictor.video(frames)]
    divisor = predictor.info.label_divisor
    assert any(np.any(p.panoptic_pred % divisor) for p in found)
    assert len(found) == len(kept) == 2 * tiny_video.FRAMES
    for i, ((example, theirs), ours) in enumerate(zip(kept, found, strict=True)):
        np.testing.assert_array_equal(
            example.frame_id.decode(), f"{i % tiny_video.FRAMES:06d}"
        )
        if (
            architecture == "vip_deeplab"
            and i % tiny_video.FRAMES == tiny_video.FRAMES - 1
        ):
            continue  # The records know of a frame after the last one.
        for name in ("panoptic_pred", "semantic_pred", "next_panoptic_pred"):
            np.testing.assert_array_equal(
                getattr(ours, name), getattr(theirs, name), err_msg=f"{i} {name}"
            )
    if architecture == "vip_deeplab":
        assert found[0].depth_pred.shape == (tiny_video.HEIGHT, tiny_video.WIDTH, 1)
        np.testing.assert_allclose(
            found[0].depth_pred, kept[0][1].depth_pred, rtol=1e-5
        )
        signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
        first = np.stack([frames[0] for frames in videos(records)])
        second = np.stack([frames[1] for frames in videos(records)])
        pairs = signature(images=tf.constant(first), next_images=tf.constant(second))
        for i in range(2):
            theirs = kept[i * tiny_video.FRAMES][1]
            np.testing.assert_array_equal(
                pairs["semantic_pred"][i], theirs.semantic_pred
            )


@pytest.mark.slow
@pytest.mark.parametrize("architecture", WITH_DEPTH)
def test_sequences_do_not_depend_on_batches_or_devices(
    architecture, records, two_replicas
):
    config = tiny_video.config_of(architecture, records)
    model = weighted_model(config)
    expected = evaluated(config, model)
    config.eval_dataset_options.batch_size = 4
    with two_replicas.scope():
        mirrored = weighted_model(config)
    for (_, theirs), (_, ours) in zip(
        expected, evaluated(config, mirrored, two_replicas), strict=True
    ):
        np.testing.assert_array_equal(ours.panoptic_pred, theirs.panoptic_pred)


def test_a_single_image_is_refused(records, tmp_path):
    config = tiny_video.config_of("motion_deeplab", records)
    predictor = Predictor.of_model(
        weighted_model(config),
        factory.build_preprocess(config),
        resolve(config).info,
    )
    frames = videos(records)[0]
    with pytest.raises(ValueError, match=r"predictor\.video\(frames\)"):
        predictor(frames[0])
    with pytest.raises(ValueError, match="frame 1 is 20 x 65 pixels"):
        list(predictor.video([frames[0], frames[1][:20]]))
    assert list(predictor.video([])) == []


def test_predict_takes_a_folder_of_frames(records, tmp_path, capsys):
    config = tiny_video.config_of("motion_deeplab", records)
    info = resolve(config).info
    model = weighted_model(config)
    folder = export(model, factory.build_preprocess(config), info, tmp_path / "model")
    for video, frames in enumerate(videos(records)):
        for i, frame in enumerate(frames):
            path = tmp_path / "frames" / str(video) / f"{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tf.io.encode_png(frame).numpy())
    words = ["predict", f"--model={folder}", f"--output={tmp_path / 'out'}"]
    assert main.main([*words, f"--images={tmp_path / 'frames'}"]) == 0
    assert "6 frames of 2 videos" in capsys.readouterr().out
    expected = [p for f in videos(records) for p in load(folder).video(f)]
    for i, prediction in enumerate(expected):
        video, frame = divmod(i, tiny_video.FRAMES)
        picture = read_image(tmp_path / f"out/{video}/{frame:03d}_panoptic.png")
        labels = picture.astype(int) @ [1, 256, 65536]
        np.testing.assert_array_equal(labels, prediction.panoptic_pred)
    single = tmp_path / "frames/0/000.png"
    assert main.main([*words, f"--images={single}"]) != 0
    assert "is a single image" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("architecture", "field"),
    [("motion_deeplab", "use_two_frames"), ("vip_deeplab", "use_next_frame")],
)
def test_missing_frames_are_an_error_that_says_what_to_set(
    architecture, field, records, tmp_path
):
    config = tiny_video.config_of(architecture, records)
    setattr(config.train_dataset_options, field, False)
    with pytest.raises(ConfigError, match=f"train_dataset_options.{field}.*true"):
        experiment.run(config, "train", tmp_path)
