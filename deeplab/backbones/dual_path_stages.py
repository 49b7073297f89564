"""Stages with a memory path, and the sequence of stages in stacked decoders.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. The private attribute names are the keys of published
checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tensorflow as tf

from deeplab.backbones.stages import BlockConfig, Stage, StageConfig, plan_blocks
from deeplab.core.specs import NormConfig
from deeplab.layers.dual_path_transformer import DualPathTransformer, TransformerConfig

PUBLISHED_SLOTS = 128
MASK_STRIDE = 4
_TRANSFORMER_CHANNELS = 128


@dataclass(frozen=True)
class MemoryConfig:
    """The memory path and the decoders that it runs through.

    Attributes:
      channels: channels of the memory.
      slots: number of memory vectors, one per mask. With 0 there is no memory, and
        only the pretrained part of the network is built.
      beyond_stride: smallest output stride of a stage whose blocks have a transformer;
        0 means no transformers.
      transformer_expansion: channels of a transformer at stride 16, divided by 128;
        they are proportional to the stride.
      feature_channels: channels of the class and mask features of the memory.
      pretrained_stacks: number of decoders that belong to the pretrained backbone.
      extra_stacks: number of decoders after the pretrained ones.
      extra_blocks: number of blocks per stage of the extra decoders.
      decoder_width_multiplier: factor of the decoders' channels.
    """

    channels: int = 256
    slots: int = PUBLISHED_SLOTS
    beyond_stride: int = 32
    transformer_expansion: float = 1.0
    feature_channels: int = 256
    pretrained_stacks: int = 0
    extra_stacks: int = 0
    extra_blocks: int = 1
    decoder_width_multiplier: float = 1.0


@dataclass(frozen=True)
class DecoderStep:
    """One stage of the stacked decoders.

    Attributes:
      index: number of the stage, from 1.
      stride: stride of its features.
      pretrained: whether the fusion and a first group of blocks belong to the
        pretrained backbone.
      extra: whether the stage has a group of blocks that is not pretrained.
    """

    index: int
    stride: int
    pretrained: bool
    extra: bool

    @property
    def fuse_name(self) -> str:
        """Attribute name of the fusion layer."""
        return f"{self.name(extra=not self.pretrained)}_resized_fuse"

    def name(self, *, extra: bool) -> str:
        """Returns the attribute name of one of its groups of blocks."""
        return f"_decoder_stage{self.index}" + ("_extra" if extra else "")


def decoder_steps(
    output_stride: int, pretrained_stacks: int, extra_stacks: int
) -> Iterator[DecoderStep]:
    """Yields the stages of the stacked decoders, which go to stride 4 and back."""
    stride, stack, finer = output_stride, 0, True
    pretrained, index = pretrained_stacks > 0, 0
    while stack < pretrained_stacks + extra_stacks or stride > MASK_STRIDE:
        index += 1
        stride = stride // 2 if finer else stride * 2
        at_bottom = stride == output_stride
        stack += at_bottom
        turns = at_bottom and pretrained and stack == pretrained_stacks
        yield DecoderStep(index, stride, pretrained, not pretrained or turns)
        pretrained = pretrained and not turns
        if at_bottom:
            finer = True
        elif stride == MASK_STRIDE:
            finer = False


class DualPathStage(Stage):
    """A stage whose blocks may each be followed by a dual-path transformer."""

    def __init__(
        self,
        stage: StageConfig,
        *,
        in_channels: int,
        output_stride: int,
        blocks: BlockConfig,
        norm: NormConfig,
        memory: MemoryConfig,
        stride: int,
    ):
        """Creates the blocks.

        Args:
          stage: configuration of this stage.
          in_channels: channels of the input.
          output_stride: largest stride of the network.
          blocks: options shared by all blocks.
          norm: kind and options of the norms.
          memory: configuration of the memory path.
          stride: stride of the features, which sets the channels of the transformers.
        """
        super().__init__(
            stage,
            in_channels=in_channels,
            output_stride=output_stride,
            blocks=blocks,
            norm=norm,
        )
        self._transformers: list[str] = []
        if not stage.output_stride >= memory.beyond_stride > 0:
            return
        channels = _TRANSFORMER_CHANNELS * memory.transformer_expansion * stride / 16
        plans = plan_blocks(stage, blocks, output_stride)
        for block, plan in zip(self._names, plans, strict=True):
            name = f"{block}_transformer"
            transformer = DualPathTransformer(
                stage.channels[-1],
                memory.channels,
                TransformerConfig(int(channels)),
                name=name[1:],
                norm=norm,
                keep_prob=plan.keep_prob,
                activation=blocks.activation,
            )
            setattr(self, name, transformer)
            self._transformers.append(name)

    @property
    def transformers(self) -> list[DualPathTransformer]:
        """The transformers, one per block, or an empty list."""
        return [getattr(self, name) for name in self._transformers]

    def call(
        self, inputs: tf.Tensor, memory: tf.Tensor | None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Returns the features before and after the last activation, and the memory."""
        features = activated = inputs
        for i, name in enumerate(self._names):
            features, activated = getattr(self, name)(activated, training=training)
            if self._transformers:
                exchange = getattr(self, self._transformers[i])
                features, activated, memory = exchange(
                    features, memory, training=training
                )
        return features, activated, memory
