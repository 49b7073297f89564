"""The interface of norms."""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig


class Norm(tf_keras.layers.Layer):
    """A layer that normalises its input and then scales and shifts each channel.

    Attributes:
      options: fields of `NormConfig` that this kind uses; a config that sets another
        one is refused.
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
        """Creates the layer; every kind takes these arguments.

        Args:
          norm: options of the norm.
          name: name of the layer.
          axis: axes along which each index has its own parameters.
          gamma_initializer: initialiser of the scale.
          dtype: precision, as in Keras.
        """
        del norm, axis, gamma_initializer
        super().__init__(name=name, dtype=dtype)

    def affine(self, training: bool = False) -> tuple[tf.Tensor, tf.Tensor] | None:
        """Returns scale and shift if the layer is a fixed affine map.

        The preceding layer can then fold the scale into its kernel, which saves a pass
        over the features.

        Args:
          training: whether the network is being trained.

        Returns:
          Two float32 tensors with the shape of the layer's parameters, or None if the
          layer is not a fixed affine map or has not been built.
        """
        del training
        return None
