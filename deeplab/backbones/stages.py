"""Residual backbones: a stem and stages of residual blocks, at any output stride.

Stages beyond the output stride keep the resolution and use atrous convolution instead,
so that features at the original positions stay the same: DeepLab: Semantic Image
Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected CRFs,
Liang-Chieh Chen, George Papandreou, Iasonas Kokkinos, Kevin Murphy, Alan L. Yuille,
TPAMI 2017, https://arxiv.org/abs/1606.00915.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import tensorflow as tf
import tf_keras

from deeplab.backbones.base import Backbone
from deeplab.core.specs import AxialAttentionConfig, FeatureSpec, NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.axial_block import AxialBlock
from deeplab.layers.drop_path import keep_prob_at
from deeplab.layers.residual import BlockOptions, ResidualBlock, Sampling

_NUM_STAGES = 4  # Stages after the stem, in the schedule of drop path.


@dataclass(frozen=True)
class StageConfig:
    """One stage: blocks that share a resolution.

    Attributes:
      index: 1 to 5; its feature is called `res<index>`.
      num_blocks: number of blocks.
      channels: output channels of the two or three convolutions of a block.
      input_stride: stride of its input in the network without atrous convolution.
      stride: stride of its first block in the network without atrous convolution.
    """

    index: int
    num_blocks: int
    channels: tuple[int, ...]
    input_stride: int
    stride: int = 2

    @property
    def output_stride(self) -> int:
        """Stride of its output in the network without atrous convolution."""
        return self.input_stride * self.stride


@dataclass(frozen=True)
class BlockConfig:
    """Options shared by the blocks of all stages.

    Attributes:
      squeeze_excite: whether blocks end with squeeze-and-excite.
      sac_beyond_stride: smallest output stride of a stage with switchable atrous
        convolution; 0 or less means none.
      drop_path_keep_prob: probability of keeping a residual path in the last stage.
      drop_path_schedule: "constant" or "linear"; see `deeplab.layers.drop_path`.
      drop_path_beyond_stride: smallest input stride of a block that drops paths.
      recompute: whether to recompute activations in the backward pass.
      activation: name of the activation.
      axial_beyond_stride: smallest input stride of a block with axial attention in
        place of the 3x3 convolution; 0 means none.
      global_beyond_stride: smallest input stride of a block with global attention;
        0 means none.
      attention: attention options of these blocks.
      attention_expansion: channels of the first convolution of such a block, relative
        to the base channels of its attention.
    """

    squeeze_excite: bool = False
    sac_beyond_stride: int = 0
    drop_path_keep_prob: float = 1.0
    drop_path_schedule: str = "constant"
    drop_path_beyond_stride: int = 16
    recompute: bool = False
    activation: str = "relu"
    axial_beyond_stride: int = 0
    global_beyond_stride: int = 0
    attention: AxialAttentionConfig = field(default_factory=AxialAttentionConfig)
    attention_expansion: int = 2

    def attends(self, stride: int) -> bool:
        """Returns whether a block whose input has this stride uses attention."""
        return stride >= self.axial_beyond_stride > 0 or self.attends_plane(stride)

    def attends_plane(self, stride: int) -> bool:
        """Returns whether a block whose input has this stride uses global attention."""
        return stride >= self.global_beyond_stride > 0


@dataclass(frozen=True)
class BlockPlan:
    """Strides, atrous rates and drop path of one block at a given output stride.

    `nominal` is the stride of its input without atrous convolution.
    """

    nominal: int
    strides: int
    atrous_rate: int
    second_atrous_rate: int
    keep_prob: float


def plan_blocks(
    stage: StageConfig, blocks: BlockConfig, output_stride: int
) -> Iterator[BlockPlan]:
    """Yields the plan of each block of a stage.

    The input of the first block of an unstrided stage still has the spacing of the
    previous stage, so its first convolution keeps the atrous rate of that stage. Only
    the convolutions after the omitted stride get a larger rate.
    """
    widened = max(stage.output_stride // output_stride, 1)
    for block in range(stage.num_blocks):
        nominal = stage.input_stride if block == 0 else stage.output_stride
        keep_prob = 1.0
        if nominal >= blocks.drop_path_beyond_stride:
            keep_prob = keep_prob_at(
                blocks.drop_path_keep_prob,
                blocks.drop_path_schedule,
                round(math.log2(nominal)) - 1,
                _NUM_STAGES,
            )
        strided = block == 0 and stage.input_stride < output_stride
        yield BlockPlan(
            nominal=nominal,
            strides=stage.stride if strided else 1,
            atrous_rate=max(nominal // output_stride, 1),
            second_atrous_rate=widened,
            keep_prob=keep_prob,
        )


class Stage(tf_keras.layers.Layer):
    """The residual blocks of one stage."""

    def __init__(
        self,
        stage: StageConfig,
        *,
        in_channels: int,
        output_stride: int,
        blocks: BlockConfig,
        norm: NormConfig,
    ):
        """Creates the blocks.

        Args:
          stage: configuration of this stage.
          in_channels: channels of the input.
          output_stride: largest stride of the network.
          blocks: options shared by all blocks.
          norm: kind and options of the norms.
        """
        super().__init__(name=f"stage{stage.index}")
        self._names = [f"_block{i + 1}" for i in range(stage.num_blocks)]
        plans = plan_blocks(stage, blocks, output_stride)
        for attribute, plan in zip(self._names, plans, strict=True):
            block = _block(in_channels, stage, plan, attribute[1:], blocks, norm)
            setattr(self, attribute, block)
            in_channels = stage.channels[-1]

    def call(
        self, inputs: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the features before and after the last activation."""
        features = activated = inputs
        for attribute in self._names:
            features, activated = getattr(self, attribute)(activated, training=training)
        return features, activated


def _block(
    in_channels: int,
    stage: StageConfig,
    plan: BlockPlan,
    name: str,
    blocks: BlockConfig,
    norm: NormConfig,
) -> ResidualBlock:
    options = BlockOptions(
        squeeze_excite=blocks.squeeze_excite,
        keep_prob=plan.keep_prob,
        recompute=blocks.recompute,
        activation=blocks.activation,
    )
    if blocks.attends(plan.nominal):
        width = stage.channels[-1] // 4
        return AxialBlock(
            in_channels,
            (blocks.attention_expansion * width, width, stage.channels[-1]),
            name=name,
            norm=norm,
            attention=blocks.attention,
            plane=blocks.attends_plane(plan.nominal),
            strides=plan.strides,
            options=options,
        )
    sampling = Sampling(
        strides=plan.strides,
        atrous_rate=plan.atrous_rate,
        second_atrous_rate=plan.second_atrous_rate,
        switchable=stage.output_stride >= blocks.sac_beyond_stride > 0,
    )
    return ResidualBlock(
        in_channels,
        stage.channels,
        name=name,
        norm=norm,
        sampling=sampling,
        options=options,
    )


class ResidualBackbone(Backbone):
    """A stem of stride 2 and stages of residual blocks."""

    def __init__(
        self,
        stem: tf_keras.layers.Layer,
        stem_channels: int,
        stages: Sequence[StageConfig],
        *,
        name: str,
        output_stride: int,
        blocks: BlockConfig,
        norm: NormConfig,
    ):
        """Creates the stages.

        Args:
          stem: maps images to features of stride 2, before activation.
          stem_channels: channels of the stem's output.
          stages: stages from the finest to the coarsest.
          name: name of the network.
          output_stride: largest stride: 8, 16 or 32.
          blocks: options shared by all blocks.
          norm: kind and options of the norms.

        Raises:
          ValueError: the output stride is below 2 or not a power of two.
        """
        super().__init__(name=name)
        if output_stride < 2 or output_stride & (output_stride - 1):
            raise ValueError(
                f"backbone.output_stride {output_stride}: choose a power of two"
            )
        self._activation = get_activation(blocks.activation)
        self._stem = stem
        self.feature_specs = {"res1": FeatureSpec(stem_channels, 2)}
        in_channels = stem_channels
        for stage in stages:
            layer = Stage(
                stage,
                in_channels=in_channels,
                output_stride=output_stride,
                blocks=blocks,
                norm=norm,
            )
            setattr(self, f"_stage{stage.index}", layer)
            in_channels = stage.channels[-1]
            stride = min(stage.output_stride, output_stride)
            self.feature_specs[f"res{stage.index}"] = FeatureSpec(in_channels, stride)

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns `res1` (the stem, or stage 1 of wide ResNets) to `res5`."""
        x = self._activation(self._stem(images, training=training))
        features = {"res1": x}
        for name in self.feature_specs:
            stage = getattr(self, name.replace("res", "_stage"), None)
            if stage is not None:
                _, x = stage(x, training=training)
                features[name] = x
        return features


def scaled_blocks(num_blocks: Sequence[int], multiplier: float) -> list[int]:
    """Returns numbers of blocks times a layer multiplier, rounded down.

    Raises:
      ValueError: a stage would have no blocks.
    """
    scaled = [int(n * multiplier) for n in num_blocks]
    if min(scaled) < 1:
        raise ValueError(
            f"backbone_layer_multiplier {multiplier}: {list(num_blocks)} blocks become "
            f"{scaled}, but every stage needs at least one; choose a larger multiplier"
        )
    return scaled


def block_config(options, drop_path_beyond_stride: int = 16) -> BlockConfig:
    """Returns the block options that a `BackboneOptions` message sets."""
    return BlockConfig(
        squeeze_excite=options.use_squeeze_and_excite,
        sac_beyond_stride=options.use_sac_beyond_stride,
        drop_path_keep_prob=options.drop_path_keep_prob,
        drop_path_schedule=options.drop_path_schedule,
        drop_path_beyond_stride=drop_path_beyond_stride,
        recompute=options.recompute,
    )
