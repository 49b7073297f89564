"""Motion-DeepLab: Panoptic-DeepLab with offsets to centres in the previous frame.

STEP: Segmenting and Tracking Every Pixel, Mark Weber, Jun Xie, Maxwell Collins, Yukun
Zhu, Paul Voigtlaender, Hartwig Adam, Bradley Green, Andreas Geiger, Bastian Leibe,
Daniel Cremers, Aljosa Osep, Laura Leal-Taixe, Liang-Chieh Chen, NeurIPS 2021 Datasets
and Benchmarks, https://arxiv.org/abs/2102.11859. The published code ignores the
convolution types in its options and uses the defaults; here the options take effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import MotionOutput, Outputs
from deeplab.heads import ARCHITECTURES
from deeplab.heads.architecture import (
    Architecture,
    DefaultTerm,
    Evaluation,
    FrameInput,
    LastLayers,
    Learning,
    Selection,
)
from deeplab.heads.base import Head
from deeplab.heads.branch import PredictionHead, prediction_head
from deeplab.heads.panoptic_deeplab import (
    CENTER_LAST_LAYERS,
    CENTER_TERMS,
    InstanceHalf,
    PanopticDeepLab,
    SemanticHalf,
    check_instance_enabled,
    head_items,
    instance_half,
    semantic_half,
)
from deeplab.layers.aspp import PoolSize
from deeplab.protos.model_pb2 import ModelOptions


class MotionDeepLab(PanopticDeepLab):
    """Panoptic-DeepLab whose instance half also predicts motion."""

    def __init__(
        self,
        semantic: SemanticHalf,
        instance: InstanceHalf,
        motion_head: PredictionHead,
    ):
        super().__init__(semantic, instance)
        self._motion_regression_head = motion_head

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
    ) -> Outputs:
        """Returns the outputs at the stride of the finest features."""
        semantic = self._semantic_decoder(
            features, pool_size=pool_size, training=training
        )
        x = self._instance_decoder(features, pool_size=pool_size, training=training)
        logits = self._semantic_head(semantic, training=training)
        heatmap, offsets = self._centers(x, training)
        motion = self._motion_regression_head(x, training=training)
        return Outputs(MotionOutput(logits, heatmap, offsets, motion))

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        return {
            **super().checkpoint_items,
            **head_items("motion_regression", self._motion_regression_head),
        }


def build_motion_deeplab(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> Head:
    """Builds the head from the `decoder` and `motion_deeplab` options."""
    check_instance_enabled(options, "motion_deeplab")
    return MotionDeepLab(
        semantic_half(options, "motion_deeplab", feature_specs, norm, info),
        instance_half(options, "motion_deeplab", feature_specs, norm),
        prediction_head(
            options.motion_deeplab.motion_head,
            2,
            name="motion_regression_head",
            norm=norm,
        ),
    )


ARCHITECTURES.register("motion_deeplab")(
    Architecture(
        selection=Selection(
            message="motion_deeplab",
            num_classes=lambda o: o.motion_deeplab.semantic_head.output_channels,
        ),
        build_head=build_motion_deeplab,
        learning=Learning(
            targets=("semantic", "centers", "motion"),
            terms={**CENTER_TERMS, "motion_loss": DefaultTerm("l1", 0.01)},
        ),
        evaluation=Evaluation(
            postprocessor="track_assignment",
            metrics=("stq", "panoptic_quality", "mean_iou"),
            main_metric="stq/stq",
        ),
        last_layers=LastLayers(
            semantic=CENTER_LAST_LAYERS.semantic,
            instance=(
                *CENTER_LAST_LAYERS.instance,
                "motion_regression_head_last_layer",
            ),
        ),
        frames=FrameInput(video_state="tracked_frames", input_channels=7),
        tiny_configs=(
            """
            decoder {
              feature_key: "res5" decoder_channels: 8 aspp_channels: 8
              atrous_rates: [1, 2, 3]
            }
            motion_deeplab {
              low_level { feature_key: "res3" channels_project: 4 }
              low_level { feature_key: "res2" channels_project: 4 }
              semantic_head { output_channels: 5 head_channels: 8 }
              instance {
                low_level_override { feature_key: "res2" channels_project: 4 }
                center_head { output_channels: 1 head_channels: 4 }
                regression_head { output_channels: 2 head_channels: 4 }
              }
              motion_head { output_channels: 2 head_channels: 4 }
            }
            """,
        ),
    )
)
