"""Multi-scale inference and training: one run per scale, and per mirrored image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.structures import Outputs, Prediction
from deeplab.models.network import Network
from deeplab.models.outputs import (
    average,
    mirror_output,
    resize_outputs,
    to_prediction,
)
from deeplab.ops.resize import resize_bilinear, scaled_size, spatial_size

# Prefix of the names of auxiliary outputs for additional scales.
SCALE_PREFIX = "scale_"


class InferenceScales:
    """Averages predictions over several scales, and over mirrored images."""

    def __init__(self, scales: Sequence[float] = (1.0,), *, add_flipped: bool = False):
        """Sets the scales.

        Args:
          scales: factors of the image size.
          add_flipped: whether to run on mirrored images as well, at each scale.

        Raises:
          ValueError: a scale is not positive.
        """
        self._scales = _positive("evaluator_options.eval_scales", scales)
        self._add_flipped = add_flipped

    def __call__(self, network: Network, images: tf.Tensor) -> Prediction:
        """Returns the continuous fields of the prediction, the mean of all runs.

        Args:
          network: the network to run.
          images: `[b, h, w, c]` float32, normalised.
        """
        size = spatial_size(images)
        runs = []
        for scale in self._scales:
            scaled = _scaled(images, scale)
            outputs = network(scaled, scale=scale)
            runs.append(to_prediction(outputs.main, size))
            if self._add_flipped:
                outputs = network(tf.reverse(scaled, [2]), scale=scale)
                runs.append(to_prediction(mirror_output(outputs.main), size))
        return average(runs)


class TrainingScales:
    """Trains at the original scale and at additional scales, as DeepLabv2 does.

    DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous
    Convolution, and Fully Connected CRFs, Liang-Chieh Chen, George Papandreou, Iasonas
    Kokkinos, Kevin Murphy, Alan L. Yuille, TPAMI 2017,
    https://arxiv.org/abs/1606.00915. Each additional scale is an auxiliary output.

    Attributes:
      names: names of the auxiliary outputs.
    """

    def __init__(self, scales: Sequence[float] = ()):
        """Sets the additional scales.

        Args:
          scales: factors of the image size, in addition to 1.

        Raises:
          ValueError: a scale is not positive.
        """
        self._scales = _positive("model_options.training_scales", scales)
        self.names = tuple(f"{SCALE_PREFIX}{scale:g}" for scale in self._scales)

    def __call__(self, network: Network, images: tf.Tensor) -> Outputs:
        """Returns the outputs in training mode, at image size.

        Args:
          network: the network to run.
          images: `[b, h, w, c]` float32, normalised.
        """
        size = spatial_size(images)
        outputs = resize_outputs(network(images, training=True), size)
        further = dict(outputs.auxiliary)
        for name, scale in zip(self.names, self._scales, strict=True):
            run = network(_scaled(images, scale), training=True, scale=scale)
            further[name] = resize_outputs(run, size).main
        return Outputs(outputs.main, further)


def _scaled(images: tf.Tensor, scale: float) -> tf.Tensor:
    if scale == 1.0:
        return images
    height, width = spatial_size(images)
    size: tuple[Any, Any] = (scaled_size(height, scale), scaled_size(width, scale))
    return resize_bilinear(images, size)


def _positive(field: str, scales: Sequence[float]) -> tuple[float, ...]:
    wrong = [scale for scale in scales if not scale > 0.0]
    if wrong:
        raise ValueError(f"{field} {wrong[0]:g}: scales must be above 0")
    return tuple(scales)
