"""Layer scale: a learned factor for each channel of a residual path.

Going Deeper with Image Transformers, Hugo Touvron, Matthieu Cord, Alexandre
Sablayrolles, Gabriel Synnaeve, Hervé Jégou, ICCV 2021,
https://arxiv.org/abs/2103.17239. The factors start near zero, so that a deep network
starts as an almost shallow one.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

INITIAL_SCALE: Any = 1e-6


def add_layer_scale(layer: tf_keras.layers.Layer, channels: int) -> tf.Variable:
    """Adds the factors `[1, 1, 1, channels]` to a layer, as its own weight.

    They belong to the layer, not to one of its own, because published checkpoints
    keep them so.
    """
    return layer.add_weight(
        name="layer_scale",
        shape=(1, 1, 1, channels),
        initializer=tf_keras.initializers.Constant(INITIAL_SCALE),
    )
