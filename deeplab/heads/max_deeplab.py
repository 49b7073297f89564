"""MaX-DeepLab and kMaX-DeepLab: a set of masks, each with a class or "no object".

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759; its transformer is part of the backbone. For kMaX, see
`deeplab.heads.kmax`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig, PixelSampling
from deeplab.core.structures import Outputs
from deeplab.heads import ARCHITECTURES
from deeplab.heads.architecture import (
    Architecture,
    AuxiliaryTerms,
    DefaultTerm,
    Evaluation,
    LastLayers,
    Learning,
    Selection,
)
from deeplab.heads.base import Head, check_features
from deeplab.heads.kmax import build_kmax_deeplab
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
from deeplab.protos.model_pb2 import ModelOptions


class MaXDeepLab(Head):
    """Only the mask predictor: the transformer is part of the backbone."""

    def __init__(self, predictor: MaskPredictor):
        super().__init__(name="max_deeplab")
        self._predictor = predictor

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Returns masks at the stride of `feature_panoptic`; see `Head.call`."""
        return Outputs(
            self._predictor(features, pool_size=pool_size, training=training)
        )

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        return self._predictor.checkpoint_items


def build_max_deeplab(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> Head:
    """Builds the head from the `decoder` and `max_deeplab` options.

    After a backbone with a memory path, the head is only the mask predictor; after any
    other, it also has the decoders of kMaX-DeepLab. Backbones whose semantic feature is
    as fine as the masks need no semantic decoder.

    Raises:
      ValueError: the options do not fit the backbone.
    """
    if CLASS_FEATURE not in feature_specs:
        return build_kmax_deeplab(options, feature_specs, norm, info)
    check_features([CLASS_FEATURE, MASK_FEATURE], feature_specs)
    decoder = None
    if feature_specs[SEMANTIC_FEATURE].stride != feature_specs[PIXEL_FEATURE].stride:
        decoder = semantic_decoder(options, feature_specs, norm)
    return MaXDeepLab(mask_predictor(options, norm, info, semantic_decoder=decoder))


def _semantic_sampling(options: ModelOptions) -> PixelSampling:
    masks = options.max_deeplab
    return PixelSampling(masks.semantic_sample_k, masks.semantic_sample_temperature)


def _discrimination_sampling(options: ModelOptions) -> PixelSampling:
    masks = options.max_deeplab
    return PixelSampling(
        masks.instance_discrimination_sample_k,
        masks.instance_discrimination_sample_temperature,
    )


_TINY = """
    decoder {
      feature_key: "res5" decoder_channels: 8 aspp_channels: 8
      atrous_rates: [1, 2, 3]
    }
    max_deeplab {
      pixel_space_head { output_channels: 6 head_channels: 8 }
      auxiliary_low_level { feature_key: "res2" channels_project: 4 }
      auxiliary_semantic_head { output_channels: 5 head_channels: 8 }
"""

ARCHITECTURES.register("max_deeplab")(
    Architecture(
        selection=Selection(
            message="max_deeplab",
            num_classes=lambda o: o.max_deeplab.auxiliary_semantic_head.output_channels,
            # On Cityscapes, kMaX-DeepLab has no semantic decoder; its encoders have a
            # fixed stride.
            without_effect=(
                "model_options.decoder",
                "model_options.max_deeplab.auxiliary_low_level",
                "model_options.backbone.output_stride",
            ),
        ),
        build_head=build_max_deeplab,
        learning=Learning(
            targets=("semantic", "thing_masks"),
            terms={
                "semantic_loss": DefaultTerm(
                    "softmax_cross_entropy",
                    reads="auxiliary_semantic_logits",
                    sampling=_semantic_sampling,
                ),
                "pq_style_loss": DefaultTerm(weight=3.0),
                "mask_id_cross_entropy_loss": DefaultTerm(weight=0.3),
                "instance_discrimination_loss": DefaultTerm(
                    sampling=_discrimination_sampling
                ),
            },
            # The published names have nothing between the output and the term.
            auxiliary=AuxiliaryTerms(
                {
                    "pq_style_loss": 1.0,
                    "mask_id_cross_entropy_loss": 1.0,
                    "instance_discrimination_loss": 1.0,
                },
                separator="",
            ),
        ),
        evaluation=Evaluation(
            postprocessor="masks",
            metrics=("panoptic_quality", "mean_iou", "instance_ap"),
            main_metric="panoptic_quality/all/pq",
        ),
        last_layers=LastLayers(
            semantic=("semantic_last_layer", "transformer_class_head")
        ),
        tiny_configs=(
            f"{_TINY} }}",
            f"""
            backbone {{ name: "kmax_resnet50" }}
            {_TINY}
              num_mask_slots: 7
              decoder_width_multiplier: 0.0625 decoder_layer_multiplier: 0.2
              transformer_decoder_drop_path_keep_prob: 1.0
            }}
            """,
        ),
    )
)
