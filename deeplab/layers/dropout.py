"""Dropout whose random state can be saved, so that a resumed run continues it.

Nitish Srivastava, Geoffrey Hinton, Alex Krizhevsky, Ilya Sutskever, Ruslan
Salakhutdinov, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
JMLR 2014, https://jmlr.org/papers/v15/srivastava14a.html.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras


class Dropout(tf_keras.layers.Dropout):
    """Keras's Dropout with random numbers from TensorFlow's global generator.

    Keras uses a stateful random operation, whose state is not saved in checkpoints.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Sets a fraction `rate` of the inputs to 0 in training and scales the rest."""
        if not training or not self.rate:
            return inputs
        drawn = tf.random.get_global_generator().uniform(tf.shape(inputs))
        scale = tf.cast(1.0 / (1.0 - self.rate), inputs.dtype)
        return tf.where(drawn >= self.rate, inputs * scale, tf.zeros_like(inputs))
