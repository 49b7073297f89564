"""One training pass: losses and the gradient of every weight are as published.

The published pass drew the dropout of ASPP from a generator whose state nobody
recorded, and these small batches of noise react strongly to it: what can be held is
that the record lies where the draws of this model lie.

With random weights all masks fit about equally badly, and the rounding of the published
matching decides who belongs to whom: here `published_matching` takes the place of
`deeplab.ops.matching`, which `tests/ops/matching_test.py` holds to the best matching.
"""

from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import tensorflow as tf

from deeplab import config as configs
from deeplab import factory
from deeplab.core.structures import Example
from deeplab.data.tfexample import encode_example
from deeplab.losses import mask_matching
from deeplab.plan import resolve
from tests.parity import parity, scenes
from tests.parity.published_matching import published_assignment

DRAWS = 16
# Trainable weights x pixels: what a minute suffices for.
CHEAP = 3.2e6


def cost(record):
    """Returns trainable weights x pixels."""
    height, width = record.fields["crop_size"]
    weights = len(record.fields["gradient_norm"])
    return weights * record.fields["batch"] * height * width


def is_slow(record, _):
    """Whether the draws of a pass take more than a minute or so."""
    return cost(record) > CHEAP


def check_training_pass(record, folder):
    """The recorded losses and gradients lie where those of the draws lie."""
    with patch.object(mask_matching, "assign_rows", _as_published):
        draws = training_draws(record.fields, folder)
    published = record.fields["losses"]
    assert set(draws.losses[0]) == set(published)
    for term, value in published.items():
        assert np.abs(deviations(draws.losses, term, value)).max() < 4, term
    check_gradients(record.fields, draws)


def _as_published(costs, counts):
    columns = tf.numpy_function(published_assignment, [costs, counts], tf.int32)
    return tf.ensure_shape(columns, counts.shape)


class Draws(NamedTuple):
    """Losses and norms of gradients, by name, and the norm of all, of each draw."""

    losses: tuple[dict[str, tf.Tensor], ...]
    norms: tuple[dict[str, tf.Tensor], ...]
    global_norms: tuple[tf.Tensor, ...]


def training_draws(record, tmp_path, count=DRAWS):
    """Repeats the recorded pass, with other dropout and images nudged by rounding."""
    config = configs.parse_config(record["config_text"])
    example = recorded_batch(config, record, tmp_path / "batch.tfrecord")
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    model = factory.build_model(config)
    by_key = parity.variables_by_key(model.checkpoint_items)
    parity.fill_weights(model.checkpoint_items)
    compute = factory.build_loss(config, model.auxiliary_outputs)
    keys = list(record["gradient_norm"])
    assert {id(by_key[key]) for key in keys} == {id(v) for v in model.trainable_weights}

    @tf.function
    def step(image):
        with tf.GradientTape() as tape:
            losses = compute(example, model(image, training=True))
            total = tf.reduce_mean(losses["total_loss"])
        gradients = tape.gradient(total, [by_key[key] for key in keys])
        norms = {key: tf.norm(g) for key, g in zip(keys, gradients, strict=True)}
        return losses, norms, tf.linalg.global_norm(gradients)

    rng = np.random.default_rng(0)
    image = example.image.numpy()
    nudges = (1 + 1e-6 * rng.normal(size=image.shape) for _ in range(count))
    steps = (step(tf.constant(image * nudge, tf.float32)) for nudge in nudges)
    return Draws(*zip(*steps, strict=True))


def check_gradients(record, draws):
    """The recorded norms lie where those of the draws lie."""
    total = deviations(
        [{"norm": norm} for norm in draws.global_norms],
        "norm",
        record["global_gradient_norm"],
    )
    assert abs(total) < 4
    published = record["gradient_norm"]
    largest = max(published.values())
    counted = [key for key, norm in published.items() if norm > 1e-3 * largest]
    off = [deviations(draws.norms, key, published[key]) for key in counted]
    assert len(counted) > 50
    assert np.sqrt(np.mean(np.square(off))) < 3
    # Norms of one pass are high or low together.
    means = {key: np.mean([draw[key] for draw in draws.norms]) for key in counted}
    levels = [
        {"level": np.median([draw[key] / means[key] for key in counted])}
        for draw in (*draws.norms, published)
    ]
    assert abs(deviations(levels[:-1], "level", levels[-1]["level"])) < 4
    assert 0.5 < levels[-1]["level"] < 2


def deviations(draws, key, published):
    """How many standard deviations of the draws the published value is off."""
    values = np.stack([np.asarray(draw[key]) for draw in draws])
    return (np.asarray(published) - values.mean(0)) / values.std(0, ddof=1)


def recorded_batch(config, record, path):
    """Makes the record's images and labels, and targets through the pipeline."""
    info = resolve(config).info
    height, width = record["crop_size"]
    stuff = [c for c in range(info.num_classes) if c not in info.thing_ids][:6]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for index in range(record["batch"]):
            rng = np.random.default_rng(record["seed"] + index)
            coarse = rng.integers(0, 256, (height // 8, width // 8, 3))
            image = tf.image.resize(coarse.astype("float32"), (height, width))
            label = scenes.panoptic(
                height,
                width,
                record["seed"] * 31 + index,
                things=info.thing_ids,
                stuff=stuff,
                divisor=info.label_divisor,
                ignore=info.ignore_label,
            )
            encoded = encode_example(
                image=tf.io.encode_png(np.clip(image, 0, 255).astype("uint8")).numpy(),
                image_format="png",
                filename=str(index),
                height=height,
                width=width,
                label=label,
            )
            writer.write(encoded)
    options = config.eval_dataset_options
    options.CopyFrom(config.train_dataset_options)
    options.ClearField("augmentations")
    # Recorded without, whatever the config says.
    for name in (
        "increase_small_instance_weights",
        "min_resize_value",
        "max_resize_value",
    ):
        options.ClearField(name)
    options.file_pattern[:] = [str(path)]
    options.crop_size[:] = record["crop_size"]
    options.batch_size = record["batch"]
    (batch,) = factory.build_eval_pipeline(config)
    return Example(**batch.device)
