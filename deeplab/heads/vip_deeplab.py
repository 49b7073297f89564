"""ViP-DeepLab: Panoptic-DeepLab with depth and next-frame instance prediction.

ViP-DeepLab: Learning Visual Perception with Depth-aware Video Panoptic Segmentation,
Siyuan Qiao, Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.05258. As in the published code, a single ASPP replaces the
paper's cascaded ASPP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.core.structures import Outputs, VideoDepthOutput
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
from deeplab.heads.branch import DecoderBranch, PredictionHead, prediction_head
from deeplab.heads.panoptic_deeplab import (
    CENTER_LAST_LAYERS,
    CENTER_TERMS,
    InstanceHalf,
    PanopticDeepLab,
    SemanticHalf,
    check_instance_enabled,
    head_items,
    instance_config,
    instance_half,
    semantic_half,
)
from deeplab.layers.aspp import PoolSize
from deeplab.ops.resize import resize_bilinear, scaled_size, spatial_size
from deeplab.protos.model_pb2 import HeadOptions, ModelOptions


class NextInstanceHalf(NamedTuple):
    """Predicts the offsets from the next frame to the centres in this one."""

    # Takes the next frame's features; the coarsest is concatenated with this frame's.
    decoder: DecoderBranch
    regression_head: PredictionHead
    # Name of the coarsest feature.
    feature: str


class DepthHalf(NamedTuple):
    """Predicts depth from the semantic decoder's output, at twice its resolution."""

    head: PredictionHead
    # In metres.
    min_depth: float
    max_depth: float


class ViPDeepLab(PanopticDeepLab):
    """Panoptic-DeepLab with the offsets of the next frame, and optionally depth."""

    def __init__(
        self,
        semantic: SemanticHalf,
        instance: InstanceHalf,
        next_instance: NextInstanceHalf,
        depth: DepthHalf | None,
    ):
        """Makes the head.

        Args:
          semantic: decoder and head of the classes.
          instance: decoder and heads of the instances.
          next_instance: decoder and head of the next frame's offsets.
          depth: head of the depth; None for no depth.
        """
        super().__init__(semantic, instance)
        self._next_instance_decoder = next_instance.decoder
        self._next_instance_regression_head = next_instance.regression_head
        self._joined_feature = next_instance.feature
        self._depth_head = None
        if depth is not None:
            self._depth_head = depth.head
            self._min_depth = depth.min_depth
            self._max_depth = depth.max_depth

    def call(
        self,
        features: Mapping[str, tf.Tensor],
        pool_size: PoolSize | None = None,
        training: bool = False,
        next_features: Mapping[str, tf.Tensor] | None = None,
    ) -> Outputs:
        """Returns the outputs for a frame, given the next frame.

        Args:
          features: features of the frame, name -> `[b, h, w, c]`.
          pool_size: see `Head.call`.
          training: see `Head.call`.
          next_features: features of the next frame; None uses the same frame again.

        Returns:
          The outputs at the stride of the finest features, depth at half that stride.
          Outside training, also classes, centres and offsets of the next frame alone.
        """
        semantic = self._semantic_decoder(
            features, pool_size=pool_size, training=training
        )
        x = self._instance_decoder(features, pool_size=pool_size, training=training)
        joined = dict(features if next_features is None else next_features)
        key = self._joined_feature
        joined[key] = tf.concat([features[key], joined[key]], axis=-1)
        following = self._next_instance_decoder(
            joined, pool_size=pool_size, training=training
        )
        logits = self._semantic_head(semantic, training=training)
        output = VideoDepthOutput(
            logits,
            *self._centers(x, training),
            next_offset_map=self._next_instance_regression_head(
                following, training=training
            ),
            depth_pred=self._depth(semantic, training),
        )
        if training or next_features is None:
            return Outputs(output)
        own = self.center_offset_output(next_features, pool_size=pool_size)
        return Outputs(
            output._replace(
                next_semantic_logits=own.semantic_logits,
                next_center_heatmap=own.center_heatmap,
                next_own_offset_map=own.offset_map,
            )
        )

    def _depth(self, features: tf.Tensor, training: bool) -> tf.Tensor | None:
        if self._depth_head is None:
            return None
        height, width = spatial_size(features)
        size = (scaled_size(height, 2.0), scaled_size(width, 2.0))
        depth = self._depth_head(resize_bilinear(features, size), training=training)
        span = self._max_depth - self._min_depth
        return self._min_depth + tf.sigmoid(depth) * span

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Maps the names in checkpoints to the parts of the head."""
        items = {
            **super().checkpoint_items,
            "next_instance_decoder": self._next_instance_decoder,
            **head_items(
                "next_instance_regression", self._next_instance_regression_head
            ),
        }
        if self._depth_head is not None:
            items |= head_items("depth", self._depth_head)
        return items


def build_vip_deeplab(
    options: ModelOptions,
    feature_specs: Mapping[str, FeatureSpec],
    norm: NormConfig,
    info: DatasetInfo,
) -> Head:
    """Builds the head from the `decoder` and `vip_deeplab` options.

    Raises:
      ValueError: the options lack the next-frame head or a valid depth range.
    """
    own = options.vip_deeplab
    check_instance_enabled(options, "vip_deeplab")
    if not own.instance.HasField("next_regression_head"):
        raise ValueError(
            "vip_deeplab.instance.next_regression_head is not set, but it links the "
            "frames; add it with output_channels: 2 and head_channels"
        )
    config = instance_config(options, "vip_deeplab", feature_specs)
    following = NextInstanceHalf(
        decoder=DecoderBranch(config, name="next_instance_decoder", norm=norm),
        regression_head=prediction_head(
            own.instance.next_regression_head,
            2,
            name="next_instance_regression_head",
            norm=norm,
        ),
        feature=config.feature,
    )
    return ViPDeepLab(
        semantic_half(options, "vip_deeplab", feature_specs, norm, info),
        instance_half(options, "vip_deeplab", feature_specs, norm),
        following,
        _depth_half(own.depth_head, norm) if own.HasField("depth_head") else None,
    )


def _depth_half(options: HeadOptions, norm: NormConfig) -> DepthHalf:
    low = options.min_value_after_activation
    high = options.max_value_after_activation
    if not 0.0 <= low < high:
        raise ValueError(
            f"vip_deeplab.depth_head: min_value_after_activation {low:g} and "
            f"max_value_after_activation {high:g} are not a depth range in metres; set "
            "the latter to the largest depth of the data"
        )
    return DepthHalf(
        prediction_head(options, 1, name="depth_head", norm=norm), low, high
    )


_TERMS = {**CENTER_TERMS, "next_regression_loss": DefaultTerm("l1", 0.01)}
_METRICS = ("vpq", "vpq_2frames", "panoptic_quality", "mean_iou")
_LAST_LAYERS = LastLayers(
    semantic=CENTER_LAST_LAYERS.semantic,
    instance=(
        *CENTER_LAST_LAYERS.instance,
        "next_instance_regression_head_last_layer",
    ),
)
_TINY = """
    decoder {
      feature_key: "res5" decoder_channels: 8 aspp_channels: 8
      atrous_rates: [1, 2, 3]
    }
    vip_deeplab {
      low_level { feature_key: "res3" channels_project: 4 }
      low_level { feature_key: "res2" channels_project: 4 }
      semantic_head { output_channels: 5 head_channels: 8 }
      instance {
        low_level_override { feature_key: "res2" channels_project: 4 }
        center_head { output_channels: 1 head_channels: 4 }
        regression_head { output_channels: 2 head_channels: 4 }
        next_regression_head { output_channels: 2 head_channels: 4 }
      }
"""


def _num_classes(options: ModelOptions) -> int:
    return options.vip_deeplab.semantic_head.output_channels


def _has_depth(options: ModelOptions) -> bool:
    return options.vip_deeplab.HasField("depth_head")


ARCHITECTURES.register("vip_deeplab")(
    Architecture(
        selection=Selection("vip_deeplab", _num_classes, applies=_has_depth),
        build_head=build_vip_deeplab,
        learning=Learning(
            targets=("semantic", "centers", "next_frame", "depth"),
            terms={**_TERMS, "depth_loss": DefaultTerm("depth_loss", 0.1)},
        ),
        evaluation=Evaluation("video_stitching", (*_METRICS, "depth"), "vpq/all"),
        last_layers=_LAST_LAYERS,
        frames=FrameInput("frame_pair", "stitched_pairs", input_channels=6),
        tiny_configs=(
            f"""
            {_TINY}
              depth_head {{
                output_channels: 1 head_channels: 4
                min_value_after_activation: 1 max_value_after_activation: 9
              }}
            }}
            """,
        ),
    )
)

ARCHITECTURES.register("vip_deeplab_without_depth")(
    Architecture(
        selection=Selection(
            "vip_deeplab", _num_classes, applies=lambda o: not _has_depth(o)
        ),
        build_head=build_vip_deeplab,
        learning=Learning(targets=("semantic", "centers", "next_frame"), terms=_TERMS),
        evaluation=Evaluation("video_stitching", _METRICS, "vpq/all"),
        last_layers=_LAST_LAYERS,
        frames=FrameInput("frame_pair", "stitched_pairs", input_channels=6),
        tiny_configs=(f"{_TINY} }}",),
    )
)
