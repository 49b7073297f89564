"""kMaX-DeepLab: segmentation masks as clusters of pixels.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. Settings that the published code derives from the name
of the data set (number and stride of the masks, semantic decoder, drop path) are
options here; `kmax_defaults` has their defaults. One departure: on large images, the
image pooling of the auxiliary semantic output uses windows of the training size, as in
all other heads of this library.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import MaskOutput, Outputs
from deeplab.heads.base import Head
from deeplab.heads.kmax_defaults import mask_defaults
from deeplab.heads.kmax_pixel_decoder import (
    ENCODER_FEATURES,
    PUBLISHED_STAGES,
    KMaXPixelDecoder,
    scaled_channels,
    scaled_stage,
)
from deeplab.heads.kmax_transformer_decoder import (
    PUBLISHED_BLOCKS,
    PUBLISHED_CHANNELS,
    KMaXTransformerDecoder,
)
from deeplab.heads.mask_predictor import (
    CLASS_FEATURE,
    MASK_FEATURE,
    PIXEL_FEATURE,
    SEMANTIC_FEATURE,
    MaskPredictor,
    mask_predictor,
    semantic_decoder,
)
from deeplab.layers.aspp import PoolSize
from deeplab.layers.kmeans_attention import CHANNEL_DIVISOR
from deeplab.ops.resize import resize_bilinear, spatial_size
from deeplab.protos.model_pb2 import ModelOptions

# Stride of the masks -> stages of the pixel decoder.
_NUM_STAGES = {4: 4, 2: 5}
_ACTIVATION = "gelu"


class KMaXDeepLab(Head):
    """A pixel decoder, a transformer decoder, and the predictor of MaX-DeepLab."""

    def __init__(
        self,
        pixel_decoder: KMaXPixelDecoder,
        transformer_decoder: KMaXTransformerDecoder,
        predictor: MaskPredictor,
    ):
        super().__init__(name="kmax_deeplab")
        self._pixel_decoder = pixel_decoder
        self._transformer_decoder = transformer_decoder
        self.auxiliary_outputs = tuple(
            f"aux_{i}" for i in range(transformer_decoder.num_layers)
        )
        self._predictor = predictor

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Predicts masks and classes.

        Args:
          features: `stage1` to `stage5` before the activation, and the inputs of the
            semantic decoder.
          pool_size: see `Head.call`.
          training: whether to use batch statistics and drop path.

        Returns:
          Masks at their stride. In training also the predictions of each layer of the
          transformer decoder, "aux_0" and so on, at the same stride.
        """
        maps = self._pixel_decoder(features, training=training)
        class_embedding, mask_embedding, predictions = self._transformer_decoder(
            maps[:3], training=training
        )
        output = self._predictor(
            {
                **features,
                SEMANTIC_FEATURE: features[ENCODER_FEATURES[0]],
                PIXEL_FEATURE: maps[-1],
                CLASS_FEATURE: class_embedding,
                MASK_FEATURE: mask_embedding,
            },
            pool_size=pool_size,
            training=training,
        )
        if not training:
            return Outputs(output)
        size = spatial_size(output.pixel_space_mask_logits)
        layers = (_resized_masks(prediction, size) for prediction in predictions)
        return Outputs(output, dict(zip(self.auxiliary_outputs, layers, strict=True)))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        return {
            "pixel_decoder": self._pixel_decoder,
            "transformer_decoder": self._transformer_decoder,
            **self._predictor.checkpoint_items,
        }


def _resized_masks(output: MaskOutput, size: tuple[Any, Any]) -> MaskOutput:
    """Returns the masks of a decoder layer, resized to the final masks."""
    return output._replace(
        pixel_space_mask_logits=resize_bilinear(output.pixel_space_mask_logits, size),
        pixel_space_normalized_feature=resize_bilinear(
            output.pixel_space_normalized_feature, size
        ),
    )


def build_kmax_deeplab(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> KMaXDeepLab:
    """Builds the head from the `decoder` and `max_deeplab` options.

    Raises:
      ValueError: the backbone lacks a feature, or the mask stride is not supported.
    """
    masks = options.max_deeplab
    defaults = mask_defaults(info.name)
    stride = masks.mask_stride or defaults.stride
    if stride not in _NUM_STAGES:
        raise ValueError(
            f"max_deeplab.mask_stride {stride}: choose one of "
            f"{', '.join(map(str, _NUM_STAGES))}"
        )
    _check_encoder(feature_specs)
    width = masks.decoder_width_multiplier
    depth = masks.decoder_layer_multiplier
    stages = tuple(
        scaled_stage(stage, width_multiplier=width, layer_multiplier=depth)
        for stage in PUBLISHED_STAGES[: _NUM_STAGES[stride]]
    )
    has_decoder, keep_prob = defaults.semantic_decoder, defaults.keep_prob
    if masks.HasField("auxiliary_semantic_decoder"):
        has_decoder = masks.auxiliary_semantic_decoder
    if masks.HasField("transformer_decoder_drop_path_keep_prob"):
        keep_prob = masks.transformer_decoder_drop_path_keep_prob
    specs = {**feature_specs, SEMANTIC_FEATURE: feature_specs[ENCODER_FEATURES[0]]}
    decoder = semantic_decoder(options, specs, norm, _ACTIVATION)
    if not has_decoder:
        logging.info(
            "model_options.decoder and auxiliary_low_level are checked, but have no "
            "effect without the auxiliary semantic decoder"
        )
    make = functools.partial(
        mask_predictor, options, norm, info, activation=_ACTIVATION
    )
    return KMaXDeepLab(
        KMaXPixelDecoder(stages, feature_specs, norm=norm),
        KMaXTransformerDecoder(
            lambda: make(semantic_head=False),
            num_slots=masks.num_mask_slots or defaults.slots,
            channels=scaled_channels(PUBLISHED_CHANNELS, width, CHANNEL_DIVISOR),
            num_blocks=max(1, int(PUBLISHED_BLOCKS * depth)),
            norm=norm,
            keep_prob=keep_prob,
        ),
        make(semantic_decoder=decoder if has_decoder else None),
    )


def _check_encoder(feature_specs: Mapping[str, FeatureSpec]) -> None:
    for name in ENCODER_FEATURES:
        if name not in feature_specs:
            raise ValueError(
                f"max_deeplab: the backbone has no feature {name!r}; choose a backbone "
                "whose name starts with kmax_, or max_deeplab_ for MaX-DeepLab"
            )
