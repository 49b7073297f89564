"""What a norm is."""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig


class Norm(tf_keras.layers.Layer):
    """A layer that normalises its input and then scales and shifts each channel.

    Attributes:
      options: the fields of `NormConfig` that this kind takes; a config that sets
        another is refused.
    """

    options: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        norm: NormConfig,
        *,
        name: str,
        axis: int | tuple[int, ...] = -1,
        gamma_initializer: Any = "ones",
        dtype: str | None = None,
    ):
        """Makes the layer; every kind takes these arguments.

        Args:
          norm: the kind's options.
          name: the layer's name.
          axis: axes with parameters of their own for each index.
          gamma_initializer: initial scale.
          dtype: precision, as in Keras.
        """
        del norm, axis, gamma_initializer
        super().__init__(name=name, dtype=dtype)

    def affine(self, training: bool = False) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Returns the scale and the shift that are all that the layer does, if so.

        What comes before the layer can then take the scale into its kernel, which
        makes two passes over the features one.

        Args:
          training: whether the network is trained or evaluated.

        Returns:
          Two float32 tensors of the shape of the layer's parameters. None where the
          layer depends on its input in another way, or has no weights yet.
        """
        del training
        return None
