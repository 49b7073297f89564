"""What a head is, and the checks that all heads share."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import FeatureSpec
from deeplab.core.structures import Outputs
from deeplab.layers.aspp import PoolSize


class Head(tf_keras.layers.Layer):
    """A layer that turns features into the outputs of an architecture.

    Attributes:
      auxiliary_outputs: names of the auxiliary outputs returned in training.
    """

    auxiliary_outputs: tuple[str, ...] = ()

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Computes the outputs.

        Args:
          features: name -> `[b, h, w, c]`.
          pool_size: window of image pooling, see `deeplab.layers.aspp.ASPP`.
          training: whether to use batch statistics and dropout.

        Returns:
          The main output, a tuple of `deeplab.core.structures` at the stride of the
          head; in training also the auxiliary outputs.
        """
        raise NotImplementedError

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        raise NotImplementedError


def check_features(keys: Sequence[str], specs: Mapping[str, FeatureSpec]) -> None:
    """Checks that the features of a decoder exist and go from coarse to fine.

    Args:
      keys: names of the features, from the coarsest to the finest.
      specs: the features that the backbone provides.

    Raises:
      ValueError: a feature does not exist, or is coarser than the one before it.
    """
    for key in keys:
        if key not in specs:
            raise ValueError(
                f"decoder: the backbone has no feature {key!r}; it has: "
                f"{', '.join(specs)}"
            )
    for coarse, fine in itertools.pairwise(keys):
        if specs[fine].stride > specs[coarse].stride:
            raise ValueError(
                f"decoder: feature {fine!r} (stride {specs[fine].stride}) comes after "
                f"{coarse!r} (stride {specs[coarse].stride}); list the coarser one "
                "first"
            )


def check_classes(field: str, channels: int, num_classes: int) -> None:
    """Checks that a semantic output has one channel per class.

    Raises:
      ValueError: the number of channels differs from the number of classes.
    """
    if channels != num_classes:
        raise ValueError(
            f"{field} is {channels}, but the data set has {num_classes} classes; set "
            "it to the number of classes"
        )
