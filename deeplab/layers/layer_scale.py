"""Layer scale: a learned factor for each channel of a residual path.

Going Deeper with Image Transformers, Hugo Touvron, Matthieu Cord, Alexandre
Sablayrolles, Gabriel Synnaeve, Hervé Jégou, ICCV 2021,
https://arxiv.org/abs/2103.17239. The factors start near zero, so that every residual
block is initially close to the identity.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

INITIAL_SCALE: Any = 1e-6


def add_layer_scale(layer: tf_keras.layers.Layer, channels: int) -> tf.Variable:
    """Adds the factors, `[1, 1, 1, channels]`, to a layer as a weight.

    They are not a layer of their own, for the sake of published checkpoints.
    """
    return layer.add_weight(
        name="layer_scale",
        shape=(1, 1, 1, channels),
        initializer=tf_keras.initializers.Constant(INITIAL_SCALE),
    )
