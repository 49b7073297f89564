"""Residual bottlenecks with attention instead of the 3x3 convolution.

Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation, Huiyu Wang, Yukun
Zhu, Bradley Green, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2020,
https://arxiv.org/abs/2003.07853.
"""

from __future__ import annotations

from deeplab.core.specs import AxialAttentionConfig, NormConfig
from deeplab.layers.axial_attention import AxialAttention2D, GlobalAttention2D
from deeplab.layers.residual import BlockOptions, ResidualBlock, Sampling


class AxialBlock(ResidualBlock):
    """1x1 convolution, axial or global attention, and another 1x1 convolution."""

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, int, int],
        *,
        name: str,
        norm: NormConfig,
        attention: AxialAttentionConfig,
        options: BlockOptions,
        plane: bool = False,
        strides: int = 1,
    ):
        """Creates the layers.

        Args:
          in_channels: channels of the input.
          channels: channels of the first convolution, base channels of the attention,
            and channels of the output.
          name: name of the layer.
          norm: kind and options of the norms.
          attention: heads, expansions and reach.
          options: squeeze-and-excite, drop path, recomputation and activation.
          plane: whether to use global instead of axial attention.
          strides: stride of the output.
        """
        kind = GlobalAttention2D if plane else AxialAttention2D
        super().__init__(
            in_channels,
            channels,
            name=name,
            norm=norm,
            sampling=Sampling(strides),
            options=options,
            attention=kind(
                channels[1],
                attention,
                norm=norm,
                strides=strides,
                activation=options.activation,
            ),
        )
