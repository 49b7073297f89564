"""A model of two layers, its loss and its batches: what trainer tests train."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras

from deeplab.core.structures import Batch, Outputs, SemanticOutput
from deeplab.losses.composite import CompositeLoss

CLASSES = 3


class TinyModel(tf_keras.Model):
    """Two 1x1 convolutions with batch normalisation between them."""

    def __init__(self, width=4, classes=CLASSES):
        super().__init__()
        self.encoder = tf_keras.Sequential(
            [tf_keras.layers.Conv2D(width, 1), tf_keras.layers.BatchNormalization()]
        )
        self.semantic_last_layer = tf_keras.layers.Conv2D(classes, 1)

    @property
    def checkpoint_items(self):
        return {
            "encoder": self.encoder,
            "semantic_last_layer": self.semantic_last_layer,
        }

    def call(self, images, training=False):
        features = self.encoder(images / 255.0, training=training)
        logits = tf.cast(self.semantic_last_layer(features), tf.float32)
        return Outputs(SemanticOutput(logits))


def build_model(seed=1, **kwargs):
    tf_keras.utils.set_random_seed(seed)
    model = TinyModel(**kwargs)
    model(tf.zeros([1, 2, 2, 3]))
    return model


def cross_entropy(example, output):
    values = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=example.semantic_gt, logits=output.semantic_logits
    )
    return tf.reduce_mean(values, axis=[1, 2])


def build_loss(weight=2.0):
    return CompositeLoss({"semantic_loss": (weight, cross_entropy)})


def batch(seed, size=4, side=5):
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 255, (size, side, side, 3)).astype("float32")
    return Batch(
        device={
            "image": tf.constant(images),
            "semantic_gt": tf.constant(images.argmax(axis=-1).astype("int32")),
        },
        host={
            "image_filename": tf.constant([f"{seed}_{i}.png" for i in range(size)]),
        },
    )


def in_turn(batches):
    """Returns a data set of batches."""
    stacked = tf.nest.map_structure(lambda *values: tf.stack(values), *batches)
    return tf.data.Dataset.from_tensor_slices(stacked)


def dataset(count=20, **kwargs):
    return in_turn([batch(seed, **kwargs) for seed in range(count)]).repeat()
