"""MaX-DeepLab S and L: axial networks with a memory path and stacked decoders.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The private attribute names are the keys of published
checkpoints; "extra" marks what is not pretrained on ImageNet.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import tensorflow as tf
import tf_keras

from deeplab.backbones import BACKBONES
from deeplab.backbones.axial_resnet import axial_blocks, wide_axial_blocks
from deeplab.backbones.base import Backbone
from deeplab.backbones.dual_path_stages import (
    MASK_STRIDE,
    PUBLISHED_SLOTS,
    DecoderStep,
    DualPathStage,
    MemoryConfig,
    decoder_steps,
)
from deeplab.backbones.resnet import resnet50_stages
from deeplab.backbones.stages import BlockConfig, StageConfig
from deeplab.backbones.wide_resnet import wide_resnet41_stages
from deeplab.core.specs import FeatureSpec, NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.convolution import Conv1D
from deeplab.layers.resized_fuse import ResizedFuse
from deeplab.layers.stems import InceptionStem, wide_stem
from deeplab.ops.resize import spatial_size
from deeplab.protos.model_pb2 import ModelOptions

_LAST_STRIDE = 32  # Stride of the network without atrous convolution.


class MaXDeepLabBackbone(Backbone):
    """Stem, stages and stacked decoders, with a parallel memory path."""

    def __init__(
        self,
        stem: tf_keras.layers.Layer,
        stem_channels: int,
        stages: Sequence[StageConfig],
        *,
        name: str,
        output_stride: int,
        blocks: BlockConfig,
        memory: MemoryConfig,
        norm: NormConfig,
    ):
        """Creates the layers.

        Args:
          stem: maps images to features of stride 2, before activation.
          stem_channels: channels of the stem's output.
          stages: stages from the finest to the coarsest.
          name: name of the network.
          output_stride: largest stride: 8, 16 or 32.
          blocks: options shared by all blocks.
          memory: configuration of the memory path and the decoders.
          norm: kind and options of the norms.

        Raises:
          ValueError: the output stride is below 8 or not a power of two.
        """
        super().__init__(name=name)
        if output_stride < 8 or output_stride & (output_stride - 1):
            raise ValueError(
                f"backbone.output_stride {output_stride}: choose 8, 16 or 32"
            )
        self._activation = get_activation(blocks.activation)
        self._memory = memory
        self._common = {"blocks": blocks, "norm": norm, "memory": memory}
        self._output_stride = output_stride
        self._width_multiplier = memory.decoder_width_multiplier
        self._wide = any(len(stage.channels) == 2 for stage in stages)
        self._stem = stem
        self._add_stages(stages, stem_channels)
        steps = decoder_steps(
            output_stride, memory.pretrained_stacks, memory.extra_stacks
        )
        self._steps = tuple(steps)
        if not memory.slots:
            self._steps = tuple(
                dataclasses.replace(step, extra=False)
                for step in self._steps
                if step.pretrained
            )
        elif not memory.pretrained_stacks:
            self._add_stage(
                "_stage5_extra", _LAST_STRIDE, memory.extra_blocks, output_stride
            )
        self._add_decoders(norm)
        self._add_outputs(norm, blocks.activation)

    def _add_outputs(self, norm: NormConfig, activation: str) -> None:
        memory = self._memory
        coarse = FeatureSpec(self._last_channels, self._output_stride)
        if not memory.slots:
            self.feature_specs["backbone_output"] = coarse
            return
        fine = round(MASK_STRIDE * 64 * self._width_multiplier)
        self.feature_specs["feature_panoptic"] = FeatureSpec(fine, MASK_STRIDE)
        self.feature_specs["feature_semantic"] = (
            self.feature_specs["feature_panoptic"] if memory.extra_stacks else coarse
        )
        for kind in ("class", "mask"):
            feature = Conv1D(
                memory.feature_channels,
                name=f"{kind}_feature_extra",
                norm=norm,
                activation=activation,
            )
            setattr(self, f"_{kind}_feature_extra", feature)
            self.feature_specs[f"transformer_{kind}_feature"] = FeatureSpec(
                memory.feature_channels, 0
            )
        self.memory_feature = self.add_weight(
            name="memory_feature",
            shape=[1, max(memory.slots, PUBLISHED_SLOTS), memory.channels],
            initializer=tf_keras.initializers.TruncatedNormal(stddev=1.0),
        )

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns the features of pixels and memory.

        These are `res1` to `res5`; `feature_panoptic` at stride 4 for the masks and
        `feature_semantic` for the auxiliary semantic output; and
        `transformer_class_feature` and `transformer_mask_feature`,
        `[b, slots, channels]`. Without a memory, they are `res1` to `res5` and the
        `backbone_output` of the last decoder.
        """
        features = {}
        stem = self._stem(images, training=training)
        memory = None
        if self._memory.slots:
            memory = self.memory_feature[:, : self._memory.slots]
            memory = tf.tile(memory, tf.stack([tf.shape(images)[0], 1, 1]))
            memory = tf.cast(memory, stem.dtype)
        features["res1"] = x = self._activation(stem)
        # Unactivated features by stride, which the decoders fuse.
        raw = {2: [stem]}
        for name in self._stage_names:
            stage = getattr(self, f"_stage{name[3:]}")
            plain, x, memory = stage(x, memory, training=training)
            features[name] = x
            stride = self.feature_specs[name].stride
            # Only the last feature of each stride is kept.
            raw[stride] = [plain]
        semantic, panoptic, memory = self._decode(raw, x, memory, training)
        if memory is None:
            features["backbone_output"] = panoptic
            return features
        features["feature_panoptic"] = panoptic
        features["feature_semantic"] = semantic
        for kind in ("class", "mask"):
            project = getattr(self, f"_{kind}_feature_extra")
            features[f"transformer_{kind}_feature"] = project(memory, training=training)
        return features

    @property
    def pretrained_variables(self) -> list[tf.Variable]:
        """Variables of stem, stages and pretrained decoders, without transformers."""
        names = ["_stem", *(f"_stage{name[3:]}" for name in self._stage_names)]
        for step in self._steps:
            if step.pretrained:
                names += [step.fuse_name, step.name(extra=False)]
        layers = [getattr(self, name) for name in names]
        transformers = {
            id(variable)
            for layer in layers
            if isinstance(layer, DualPathStage)
            for transformer in layer.transformers
            for variable in transformer.trainable_variables
        }
        return [
            variable
            for layer in layers
            for variable in layer.trainable_variables
            if id(variable) not in transformers
        ]

    def _add_stages(self, stages: Sequence[StageConfig], channels: int) -> None:
        self._stage_names = []
        specs = {"res1": FeatureSpec(channels, 2)}
        for stage in stages:
            stride = min(stage.output_stride, self._output_stride)
            layer = DualPathStage(
                stage,
                in_channels=channels,
                output_stride=self._output_stride,
                # The published widths depend on the stride without atrous convolution.
                stride=stage.input_stride,
                **self._common,
            )
            setattr(self, f"_stage{stage.index}", layer)
            name = f"res{stage.index}"
            self._stage_names.append(name)
            channels = stage.channels[-1]
            specs[name] = FeatureSpec(channels, stride)
        self.feature_specs = specs
        self._last_channels = channels

    def _add_stage(
        self, attribute: str, nominal: int, num_blocks: int, stride: int
    ) -> None:
        """Adds the blocks of a decoder stage, which keep the number of channels."""
        width = math.floor(nominal * 16 * self._width_multiplier)
        wide = self._wide and nominal < _LAST_STRIDE
        channels = (4 * width, 4 * width) if wide else (width, width, 4 * width)
        config = StageConfig(5, num_blocks, channels, nominal, stride=1)
        layer = DualPathStage(
            config,
            in_channels=self._last_channels if nominal == _LAST_STRIDE else 4 * width,
            output_stride=self._output_stride,
            stride=stride,
            **self._common,
        )
        setattr(self, attribute, layer)

    def _add_decoders(self, norm: NormConfig) -> None:
        memory = self._memory
        before = self._output_stride
        for step in self._steps:
            nominal = self._nominal(step)
            channels = round(nominal * 64 * self._width_multiplier)
            fuse = ResizedFuse(
                channels,
                name=step.fuse_name[1:],
                norm=norm,
                halved=[0] if step.stride > before else [],
            )
            setattr(self, step.fuse_name, fuse)
            if step.pretrained:
                self._add_stage(step.name(extra=False), nominal, 1, step.stride)
            if step.extra:
                name = step.name(extra=True)
                self._add_stage(name, nominal, memory.extra_blocks, step.stride)
            before = step.stride

    def _nominal(self, step: DecoderStep) -> int:
        """Returns the stride that determines the channels of a decoder stage."""
        return _LAST_STRIDE if step.stride == self._output_stride else step.stride

    def _decode(
        self,
        raw: dict[int, list[tf.Tensor]],
        activated: tf.Tensor,
        memory: tf.Tensor | None,
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Returns the semantic features, the last decoder's features and the memory."""
        current, fine = raw[self._output_stride][-1], []
        semantic = x = activated
        if memory is not None and not self._memory.pretrained_stacks:
            current, x, memory = self._stage5_extra(x, memory, training=training)
            raw[self._output_stride] = [current]
        for step in self._steps:
            sources = raw[step.stride][-2:]
            x = getattr(self, step.fuse_name)(
                [current, *sources], spatial_size(sources[0]), training=training
            )
            for extra in (False, True):
                if step.extra if extra else step.pretrained:
                    blocks = getattr(self, step.name(extra=extra))
                    current, x, memory = blocks(x, memory, training=training)
            raw[step.stride].append(current)
            if step.stride == MASK_STRIDE:
                fine.append(x)
        if self._memory.extra_stacks:
            semantic = fine[self._memory.pretrained_stacks]
        return semantic, x, memory


def _slots(options: ModelOptions) -> int:
    return options.max_deeplab.num_mask_slots or PUBLISHED_SLOTS


@BACKBONES.register("max_deeplab_s")
def build_max_deeplab_s(options: ModelOptions, norm: NormConfig) -> MaXDeepLabBackbone:
    """Builds MaX-DeepLab-S: ResNet-50-Beta with attention beyond stride 16."""
    backbone = options.backbone
    stem = InceptionStem(backbone.stem_width_multiplier, norm)
    return MaXDeepLabBackbone(
        stem,
        stem.channels,
        resnet50_stages(backbone),
        name=backbone.name,
        output_stride=backbone.output_stride,
        blocks=axial_blocks(backbone, 16),
        memory=MemoryConfig(
            slots=_slots(options),
            decoder_width_multiplier=backbone.backbone_width_multiplier,
        ),
        norm=norm,
    )


@BACKBONES.register("max_deeplab_l_backbone")
def build_max_deeplab_l_backbone(
    options: ModelOptions, norm: NormConfig
) -> MaXDeepLabBackbone:
    """Builds the pretrained part of MaX-DeepLab-L: one decoder and no memory."""
    memory = MemoryConfig(
        slots=0,
        beyond_stride=0,
        pretrained_stacks=1,
        decoder_width_multiplier=options.backbone.backbone_width_multiplier,
    )
    return _large(options.backbone, memory, norm)


@BACKBONES.register("max_deeplab_l")
def build_max_deeplab_l(options: ModelOptions, norm: NormConfig) -> MaXDeepLabBackbone:
    """Builds MaX-DeepLab-L: Wide-ResNet-41 with two stacked decoders."""
    memory = MemoryConfig(
        channels=512,
        slots=_slots(options),
        beyond_stride=16,
        transformer_expansion=2.0,
        feature_channels=512,
        pretrained_stacks=1,
        extra_stacks=1,
        extra_blocks=3,
        decoder_width_multiplier=options.backbone.backbone_width_multiplier,
    )
    return _large(options.backbone, memory, norm)


def _large(backbone, memory, norm) -> MaXDeepLabBackbone:
    return MaXDeepLabBackbone(
        wide_stem(backbone.stem_width_multiplier, norm),
        round(64 * backbone.stem_width_multiplier),
        wide_resnet41_stages(backbone),
        name=backbone.name,
        output_stride=backbone.output_stride,
        blocks=wide_axial_blocks(backbone),
        memory=memory,
        norm=norm,
    )
