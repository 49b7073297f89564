"""Masked regression losses of the centre heatmap and of the offsets, L1 or squared.

Panoptic-DeepLab: A Simple, Strong, and Fast Baseline for Bottom-Up Panoptic
Segmentation, B. Cheng, M. D. Collins, Y. Zhu, T. Liu, T. S. Huang, H. Adam,
L.-C. Chen, CVPR 2020, https://arxiv.org/abs/1911.10194; offsets between frames as in
STEP (https://arxiv.org/abs/2102.11859) and ViP-DeepLab
(https://arxiv.org/abs/2012.05258). As in the published code, the mean is over the
pixels whose weighted error is not 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.structures import Example
from deeplab.losses import LOSSES
from deeplab.losses.base import LossTerm, TermOptions, check_name
from deeplab.ops.sampling import check_top_k, top_k_mean

_ERRORS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {"l1": tf.abs, "mse": tf.square}


class MaskedRegression:
    """Mean error of one predicted map over the pixels that have a target."""

    def __init__(
        self,
        *,
        prediction: str,
        target: str,
        weight: str,
        error: str,
        top_k_fraction: float = 1.0,
    ):
        """Makes the term.

        Args:
          prediction: field of the model's output, [b, h, w] or [b, h, w, channels].
          target: field of the example with the same shape; a channel dimension of size
            1 may be missing.
          weight: field of the example, [b, h, w] float32, 0 at pixels to ignore.
          error: "l1" or "mse"; averaged over the channels.
          top_k_fraction: fraction of the pixels that counts, above 0 and up to 1.

        Raises:
          ValueError: the fraction is out of range.
        """
        check_top_k(top_k_fraction)
        self._prediction = prediction
        self._target = target
        self._weight = weight
        self._error = _ERRORS[error]
        self._top_k_fraction = top_k_fraction

    def __call__(self, example: Example, output: Any) -> tf.Tensor:
        """Returns [batch] float32; see `LossTerm`."""
        weight = getattr(example, self._weight)
        prediction = _with_channels(
            tf.cast(getattr(output, self._prediction), tf.float32)
        )
        target = _with_channels(getattr(example, self._target))
        error = tf.reduce_mean(self._error(target - prediction), axis=-1)
        return top_k_mean(error * weight, self._top_k_fraction)


def _with_channels(values: tf.Tensor) -> tf.Tensor:
    return values if len(values.shape) == 4 else tf.expand_dims(values, -1)


def _build(
    field: str,
    options: TermOptions,
    *,
    prediction: str,
    target: str,
    weight: str,
) -> LossTerm:
    check_name(field, options.name, _ERRORS)
    return MaskedRegression(
        prediction=prediction,
        target=target,
        weight=weight,
        error=options.name,
        top_k_fraction=options.top_k_percent,
    )


@LOSSES.register("center_loss")
def build_center_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the term for the centre heatmap.

    Raises:
      ValueError: the loss name is unknown, or the top-k fraction is out of range.
    """
    del info
    return _build(
        "center_loss",
        options,
        prediction="center_heatmap",
        target="instance_center_gt",
        weight="center_loss_weight",
    )


@LOSSES.register("regression_loss")
def build_regression_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the term for the offsets to the centres.

    Raises:
      ValueError: the loss name is unknown, or the top-k fraction is out of range.
    """
    del info
    return _build(
        "regression_loss",
        options,
        prediction="offset_map",
        target="instance_regression_gt",
        weight="regression_loss_weight",
    )


@LOSSES.register("motion_loss")
def build_motion_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the term for the offsets to the centres in the previous frame.

    Raises:
      ValueError: the loss name is unknown, or the top-k fraction is out of range.
    """
    del info
    return _build(
        "motion_loss",
        options,
        prediction="frame_offset_map",
        target="frame_offset_gt",
        weight="frame_regression_loss_weight",
    )


@LOSSES.register("next_regression_loss")
def build_next_regression_loss(options: TermOptions, info: DatasetInfo) -> LossTerm:
    """Returns the term for the offsets from the next frame to the centres in this one.

    Raises:
      ValueError: the loss name is unknown, or the top-k fraction is out of range.
    """
    del info
    return _build(
        "next_regression_loss",
        options,
        prediction="next_offset_map",
        target="next_instance_regression_gt",
        weight="next_regression_loss_weight",
    )
