"""MaX-DeepLab and kMaX-DeepLab: a set of masks, each with a class or none.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759; its transformer is part of the backbone. For kMaX, see
`deeplab.heads.kmax`.
"""

from __future__ import annotations

from collections.abc import Mapping

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.heads import HEADS
from deeplab.heads.base import Head, check_features
from deeplab.heads.kmax import build_kmax_deeplab
from deeplab.heads.mask_predictor import (
    CLASS_FEATURE,
    MASK_FEATURE,
    PIXEL_FEATURE,
    SEMANTIC_FEATURE,
    mask_predictor,
    semantic_decoder,
)
from deeplab.protos.model_pb2 import ModelOptions


@HEADS.register("max_deeplab")
def build_max_deeplab(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> Head:
    """Builds the head from `decoder` and `max_deeplab`.

    A backbone with a memory path needs the predictor alone, any other the decoders of
    kMaX-DeepLab before it. Backbones whose semantic features are as fine as the masks
    need no semantic decoder.

    Raises:
      ValueError: options do not fit the backbone.
    """
    if CLASS_FEATURE not in feature_specs:
        return build_kmax_deeplab(options, feature_specs, norm, info)
    check_features([CLASS_FEATURE, MASK_FEATURE], feature_specs)
    decoder = None
    if feature_specs[SEMANTIC_FEATURE].stride != feature_specs[PIXEL_FEATURE].stride:
        decoder = semantic_decoder(options, feature_specs, norm)
    return mask_predictor(options, norm, info, semantic_decoder=decoder)
