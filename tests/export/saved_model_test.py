"""What is exported equals what is evaluated, in a process without the package."""

import functools
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import deeplab
from deeplab import factory
from deeplab.core.dataset_info import described_dataset, description_of
from deeplab.data.tfexample import encode_example
from deeplab.datasets import DATASETS
from deeplab.export.saved_model import cast_weights, export
from deeplab.inference.predictor import Predictor
from deeplab.plan import resolve
from deeplab.trainer.step_evaluator import StepEvaluator
from tests.export.tiny import export_tiny, preprocess, tiny
from tests.visualization import scene

# What a panoptic model of images serves unless asked for more.
FIELDS = ("semantic_pred", "panoptic_pred", "instance_pred", "instance_scores")
# Smaller than the crop, the crop, and larger: padded to the next k * 16 + 1.
SIZES = ((20, 40), (33, 65), (50, 100))
CONFIG = """
model_options {
  backbone { name: "mobilenet_v3_small" output_stride: 16 }
  decoder {
    feature_key: "res5" decoder_channels: 8 aspp_channels: 8
    atrous_rates: [1, 2, 3]
  }
  panoptic_deeplab {
    low_level { feature_key: "res2" channels_project: 4 }
    instance {
      low_level_override { feature_key: "res2" channels_project: 4 }
      instance_decoder_override {
        feature_key: "res5" decoder_channels: 8 atrous_rates: [1, 2, 3]
      }
      center_head { output_channels: 1 head_channels: 4 }
      regression_head { output_channels: 2 head_channels: 4 }
    }
    semantic_head { output_channels: 4 head_channels: 8 }
  }
}
eval_dataset_options {
  dataset: "mine"
  dataset_description {
    classes { id: 0 name: "road" }
    classes { id: 1 name: "car" is_thing: true }
    classes { id: 2 name: "sky" }
    classes { id: 3 name: "person" is_thing: true }
  }
  crop_size: [33, 65]
  min_resize_value: 30
}
evaluator_options { nms_kernel: 5 center_score_threshold: 0.0 }
trainer_options { solver_options { batchnorm_momentum: 0.1 } }
"""
# Runs in a process of its own, which cannot import the package.
SERVE = """
import sys
sys.modules["deeplab"] = None
import numpy as np
import tensorflow as tf

model, inputs, outputs, *files = sys.argv[1:]
served = tf.saved_model.load(model).signatures
results = {}
for name, images in np.load(inputs).items():
    results[name] = served["serving_default"](images=tf.constant(images))
encoded = tf.stack([tf.io.read_file(file) for file in files])
results["encoded"] = served["serve_encoded"](encoded=encoded)
np.savez(outputs, **{
    f"{name}/{key}": value.numpy()
    for name, result in results.items() for key, value in result.items()
})
"""


class Recorder:
    """A writer that keeps what it is given."""

    def reset(self):
        self.predictions = []

    def write(self, example, prediction):
        self.predictions.append(prediction)

    def close(self):
        """Keeps what it has."""


@functools.cache
def images(size, count=3):
    """Returns images with patches of colour, so that there is something to find."""
    rng = np.random.default_rng(size[0])
    coarse = rng.integers(0, 256, (count, 5, 9, 3)).astype(np.float32)
    fine = tf.image.resize(coarse, size) + rng.normal(0, 9, (count, *size, 3))
    return np.clip(fine, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def config():
    return deeplab.parse_config(CONFIG)


@pytest.fixture(scope="module")
def model(config):
    """A model that finds several classes and instances, without training."""
    tf_keras.utils.set_random_seed(1)
    model = factory.build_model(config)
    for _ in range(3):  # Batch normalisation learns the spread of the features.
        model(tf.cast(images(SIZES[1]), tf.float32), training=True)
    return model


def write_model(config, model, folder, **options):
    return export(
        model,
        factory.build_preprocess(config),
        resolve(config).info,
        folder,
        **options,
    )


@pytest.fixture(scope="module")
def exported(config, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "model"
    return write_model(config, model, folder, config_text=CONFIG)


@pytest.fixture(scope="module")
def served(exported, tmp_path_factory):
    """Everything that the exported model answers to `images`, elsewhere."""
    folder = tmp_path_factory.mktemp("served")
    batches = {f"{size}/{n}": images(size)[:n] for size in SIZES for n in (1, 3)}
    np.savez(folder / "inputs.npz", **batches)
    files = []
    for size in SIZES:
        files.append(folder / f"{size[0]}.png")
        files[-1].write_bytes(tf.io.encode_png(images(size)[0]).numpy())
    words = [exported, folder / "inputs.npz", folder / "outputs.npz", *files]
    subprocess.run(
        [sys.executable, "-c", SERVE, *map(str, words)], check=True, cwd=folder
    )
    return np.load(folder / "outputs.npz")


def evaluate(config, model, folder, batch, batch_size):
    """Predicts images the way an evaluation does, from records."""
    with tf.io.TFRecordWriter(str(folder / "images.tfrecord")) as writer:
        for index, image in enumerate(batch):
            example = encode_example(
                image=tf.io.encode_png(image).numpy(),
                image_format="png",
                filename=f"{index}",
                height=image.shape[0],
                width=image.shape[1],
            )
            writer.write(example)
    changed = type(config)()
    changed.CopyFrom(config)
    options = changed.eval_dataset_options
    options.file_pattern.append(str(folder / "images.tfrecord"))
    options.batch_size = batch_size
    options.decode_groundtruth_label = False
    recorder = Recorder()
    StepEvaluator(
        dataset=factory.build_eval_pipeline(changed),
        model=model,
        metrics={},
        writers=[recorder],
    ).evaluate(-1)
    return recorder.predictions


@pytest.mark.parametrize("batch_size", [1, 3])
def test_served_equals_evaluated(batch_size, config, model, served, tmp_path):
    batches = [images(size)[:batch_size] for size in SIZES]
    stored = [image for batch in batches for image in batch]
    evaluated = iter(evaluate(config, model, tmp_path, stored, batch_size))
    for size in SIZES:
        predictions = [next(evaluated) for _ in range(batch_size)]
        for name in FIELDS:
            answers = served[f"{size}/{batch_size}/{name}"]
            assert answers.shape == (batch_size, *size)
            assert len(np.unique(answers)) > 1, f"{name} shows nothing"
            for answer, prediction in zip(answers, predictions, strict=True):
                np.testing.assert_array_equal(answer, getattr(prediction, name), name)


def test_encoded_images_of_mixed_sizes_equal_evaluated(config, model, served, tmp_path):
    mixed = [images(size)[0] for size in SIZES]
    evaluated = evaluate(config, model, tmp_path, mixed, 3)
    np.testing.assert_array_equal(served["encoded/image_size"], SIZES)
    for name in FIELDS:
        answers = served[f"encoded/{name}"]
        assert answers.shape == (3, 50, 100)
        for answer, prediction, (h, w) in zip(answers, evaluated, SIZES, strict=True):
            np.testing.assert_array_equal(answer[:h, :w], getattr(prediction, name))
            assert not answer[h:].any()
            assert not answer[:, w:].any()


def test_loaded_with_the_package_it_is_a_predictor(exported, served, config):
    predictor = deeplab.load(exported)
    assert predictor.info == resolve(config).info
    prediction = predictor(images(SIZES[0])[0])
    assert {k for k, v in prediction._asdict().items() if v is not None} == set(FIELDS)
    for name in FIELDS:
        expected = served[f"{SIZES[0]}/1/{name}"][0]
        np.testing.assert_array_equal(getattr(prediction, name), expected)


@pytest.mark.slow
@pytest.mark.parametrize("options", ['precision: "bfloat16"', "jit_compile: true"])
def test_precision_and_compilation_are_exported(options, tmp_path):
    text = CONFIG.replace("model_options {", f"model_options {{ {options}", 1)
    config = deeplab.parse_config(text)
    model = factory.build_model(config)
    loaded = deeplab.load(write_model(config, model, tmp_path / "model"))
    in_memory = Predictor.of_model(
        model, factory.build_preprocess(config), scene.info(), FIELDS
    )
    for size in SIZES:
        pairs = zip(loaded(images(size)), in_memory(images(size)), strict=True)
        for served, expected in pairs:
            np.testing.assert_array_equal(served, expected)


def test_what_lies_beside_the_model(exported):
    assert (exported / "config.textproto").read_text() == CONFIG
    description = json.loads((exported / "dataset.json").read_text())
    assert [c["name"] for c in description["classes"]] == [
        "road",
        "car",
        "sky",
        "person",
    ]
    assert sorted(p.name for p in exported.parent.iterdir()) == ["model"]


def test_a_folder_with_content_stays_unless_told_otherwise(exported, config, model):
    before = (exported / "saved_model.pb").stat().st_mtime_ns
    with pytest.raises(ValueError, match=r"model is not empty.*--overwrite"):
        write_model(config, model, exported)
    assert (exported / "saved_model.pb").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match=r"dataset\.json is a file"):
        write_model(config, model, exported / "dataset.json")


def test_a_field_that_the_model_lacks_is_refused(config, model, tmp_path):
    with pytest.raises(
        ValueError, match=r"does not predict depth_pred; it predicts: s"
    ):
        write_model(config, model, tmp_path / "model", fields=["depth_pred"])
    assert not list(tmp_path.iterdir())


def test_chosen_fields_replace_and_an_old_model_makes_room(tmp_path):
    image = images(SIZES[0])[0]
    folder = export_tiny(tmp_path / "model", fields=["semantic_probs"])
    (folder / "old.txt").touch()
    prediction = deeplab.load(folder)(image)
    assert prediction.semantic_pred is None
    np.testing.assert_allclose(prediction.semantic_probs.sum(-1), 1, rtol=1e-5)
    export_tiny(folder, overwrite=True)
    assert deeplab.load(folder)(image).semantic_pred is not None
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert not (folder / "old.txt").exists()


def test_a_write_that_fails_leaves_the_old_model(tmp_path, monkeypatch):
    folder = export_tiny(tmp_path / "model")

    def full(*args, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "disk full")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OSError, match="disk full"):
        export_tiny(folder, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert deeplab.load(folder).info.name == "scene"


def test_weights_of_sixteen_bits_are_rounded_and_served(tmp_path):
    source, small = tiny(), tiny("bfloat16")
    source.layer.kernel.assign(np.random.default_rng(0).normal(size=(1, 1, 3, 4)))
    cast_weights(source, small)
    assert small.layer.kernel.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(small.layer.kernel, tf.float32), source.layer.kernel, rtol=2**-8
    )
    folder = export(small, preprocess, scene.info(), tmp_path / "model")
    image = images(SIZES[0])[0]
    expected = small(tf.cast(image[None], tf.float32)).semantic_pred[0].numpy()
    assert (deeplab.load(folder)(image).semantic_pred == expected).mean() > 0.99


def test_models_that_differ_are_not_cast():
    other = tf_keras.Sequential([tf_keras.layers.Conv2D(2, 1)])
    other(tf.zeros([1, 2, 2, 3]))
    with pytest.raises(ValueError, match="differ in"):
        cast_weights(tiny(), other)


@pytest.mark.parametrize("name", sorted({*DATASETS.names()} - {"folder"}))
def test_descriptions_of_all_data_sets_survive(name):
    info = DATASETS.get(name)().info
    description = json.loads(json.dumps(description_of(info)))
    read = described_dataset(info.name, description)
    assert read.classes == info.classes
    for field in ("num_classes", "ignore_label", "label_divisor"):
        assert getattr(read, field) == getattr(info, field)
