"""The mask predictor of mask transformers: masks, each with a class or "no object".

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The predictor compares the memory features of a
transformer with the pixel features. In MaX-DeepLab it is the whole head; kMaX-DeepLab
has one more after each layer of its transformer decoder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import MaskOutput
from deeplab.heads.base import check_classes, check_features
from deeplab.heads.branch import (
    DecoderBranch,
    PredictionHead,
    branch_config,
    prediction_head,
)
from deeplab.heads.panoptic_deeplab import head_items
from deeplab.layers.aspp import PoolSize
from deeplab.layers.convolution import Conv1D
from deeplab.layers.normalization import normalization
from deeplab.protos.model_pb2 import ModelOptions

CLASS_FEATURE = "transformer_class_feature"
MASK_FEATURE = "transformer_mask_feature"
PIXEL_FEATURE = "feature_panoptic"
SEMANTIC_FEATURE = "feature_semantic"

# Initial probability of "no object", a prior for rare objects as in Focal Loss for
# Dense Object Detection, https://arxiv.org/abs/1708.02002.
_VOID_PROBABILITY = 0.9


class MaskPredictor(tf_keras.layers.Layer):
    """Predicts masks and classes from pixel and memory features, in float32.

    A mask is the inner product of a memory feature with the unit-length features of all
    pixels. Both factors and the product are normalised, so that no careful
    initialisation is needed.
    """

    def __init__(
        self,
        *,
        pixel_space_head: PredictionHead,
        mask_channels: int,
        num_classes: int,
        norm: NormConfig,
        semantic_head: PredictionHead | None = None,
        semantic_decoder: DecoderBranch | None = None,
    ):
        """Makes the layers.

        Args:
          pixel_space_head: computes the pixel features from `feature_panoptic`.
          mask_channels: channels of the pixel features.
          num_classes: channels of the class logits; the last is "no object".
          norm: kind and options of the norms.
          semantic_head: head of the auxiliary semantic output; None for no such output.
          semantic_decoder: computes the input of `semantic_head` from the backbone
            features; without it, the input is `feature_semantic`.
        """
        super().__init__(name="mask_predictor")
        self._pixel_space_head = pixel_space_head
        self._auxiliary_semantic_head = semantic_head
        self._auxiliary_semantic_decoder = semantic_decoder
        self._transformer_mask_head = Conv1D(
            mask_channels, name="transformer_mask_head", norm=norm, dtype="float32"
        )
        self._transformer_class_head = Conv1D(
            num_classes,
            name="transformer_class_head",
            kernel_initializer=tf_keras.initializers.TruncatedNormal(stddev=0.01),
            dtype="float32",
        )
        self._pixel_space_feature_batch_norm = normalization(
            norm, name="pixel_space_feature_batch_norm", dtype="float32"
        )
        # A small initial scale, so that masks start soft.
        self._pixel_space_mask_batch_norm = normalization(
            norm.ungrouped(),
            name="pixel_space_mask_batch_norm",
            gamma_initializer=tf_keras.initializers.Constant(0.1),  # type: ignore
            dtype="float32",
        )
        odds = (num_classes - 1) * _VOID_PROBABILITY / (1.0 - _VOID_PROBABILITY)
        self._class_bias = [0.0] * (num_classes - 1) + [math.log(odds)]

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> MaskOutput:
        """Computes masks and classes.

        Args:
          features: `feature_panoptic` `[b, h, w, c]`, `transformer_class_feature` and
            `transformer_mask_feature` `[b, slots, c']`, and the inputs of the
            auxiliary semantic output.
          pool_size: window of image pooling, see `deeplab.layers.aspp.ASPP`.
          training: whether to use batch statistics.

        Returns:
          Masks at the stride of `feature_panoptic`.
        """
        pixels = self._pixel_space_head(features[PIXEL_FEATURE], training=training)
        pixels = self._pixel_space_feature_batch_norm(pixels, training=training)
        pixels = tf.math.l2_normalize(pixels, axis=-1)
        kernels = tf.cast(features[MASK_FEATURE], tf.float32)
        kernels = self._transformer_mask_head(kernels, training=training)
        classes = tf.cast(features[CLASS_FEATURE], tf.float32)
        classes = self._transformer_class_head(classes, training=training)
        return MaskOutput(
            pixel_space_mask_logits=self._masks(pixels, kernels, training),
            transformer_class_logits=classes + tf.constant(self._class_bias),
            pixel_space_normalized_feature=pixels,
            auxiliary_semantic_logits=self._semantic(features, pool_size, training),
        )

    def _masks(
        self, pixels: tf.Tensor, kernels: tf.Tensor, training: bool
    ) -> tf.Tensor:
        normalize = self._pixel_space_mask_batch_norm
        affine = normalize.affine(training)
        if affine is None:
            masks = tf.einsum("bhwd,bid->bhwi", pixels, kernels)
            # One channel: the scale is the same for all masks.
            masks = normalize(masks[..., tf.newaxis], training=training)
            return tf.squeeze(masks, axis=-1)
        scale, shift = affine
        return tf.einsum("bhwd,bid->bhwi", pixels, kernels * scale) + shift

    def _semantic(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None,
        training: bool,
    ) -> tf.Tensor | None:
        if self._auxiliary_semantic_head is None:
            return None
        if self._auxiliary_semantic_decoder is None:
            x = features[SEMANTIC_FEATURE]
        else:
            x = self._auxiliary_semantic_decoder(
                features, pool_size=pool_size, training=training
            )
        return self._auxiliary_semantic_head(x, training=training)

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        items: dict[str, Any] = {
            "pixel_space_head": self._pixel_space_head,
            "transformer_mask_head": self._transformer_mask_head,
            "transformer_class_head": self._transformer_class_head,
            "pixel_space_feature_batch_norm": self._pixel_space_feature_batch_norm,
            "pixel_space_mask_batch_norm": self._pixel_space_mask_batch_norm,
        }
        if self._auxiliary_semantic_decoder is not None:
            items["semantic_decoder"] = self._auxiliary_semantic_decoder
        if self._auxiliary_semantic_head is not None:
            items |= head_items(
                "semantic", self._auxiliary_semantic_head, last="semantic_last_layer"
            )
        return items


def num_transformer_classes(info: DatasetInfo) -> int:
    """Returns the number of class logits: all classes, and "no object".

    An ignore label among the class ids (as in COCO) already has a channel.
    """
    return info.num_classes + (info.ignore_label >= info.num_classes)


def mask_predictor(
    options: ModelOptions,
    norm: NormConfig,
    info: DatasetInfo,
    *,
    semantic_head: bool = True,
    semantic_decoder: DecoderBranch | None = None,
    activation: str = "relu",
) -> MaskPredictor:
    """Builds the mask predictor from the `max_deeplab` options.

    Args:
      options: the model options.
      norm: kind and options of the norms.
      info: description of the data set.
      semantic_head: whether to add the auxiliary semantic output.
      semantic_decoder: see `MaskPredictor`.
      activation: activation after the 5x5 convolutions.

    Raises:
      ValueError: the number of semantic channels is not the number of classes.
    """
    head = options.max_deeplab
    check_classes(
        "max_deeplab.auxiliary_semantic_head.output_channels",
        head.auxiliary_semantic_head.output_channels,
        info.num_classes,
    )
    mask_channels = head.pixel_space_head.output_channels
    semantic = None
    if semantic_head:
        semantic = prediction_head(
            head.auxiliary_semantic_head,
            info.num_classes,
            name="auxiliary_semantic_head",
            norm=norm,
            activation=activation,
        )
    return MaskPredictor(
        pixel_space_head=prediction_head(
            head.pixel_space_head,
            mask_channels,
            name="pixel_space_head",
            norm=norm,
            activation=activation,
        ),
        mask_channels=mask_channels,
        num_classes=num_transformer_classes(info),
        norm=norm,
        semantic_head=semantic,
        semantic_decoder=semantic_decoder,
    )


def semantic_decoder(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    activation: str = "relu",
) -> DecoderBranch:
    """Builds the decoder of the auxiliary semantic output.

    Raises:
      ValueError: the backbone does not have the features that the decoder takes.
    """
    config = branch_config(options.decoder, options.max_deeplab.auxiliary_low_level)
    check_features(config.features, feature_specs)
    return DecoderBranch(
        config, name="auxiliary_semantic_decoder", norm=norm, activation=activation
    )
