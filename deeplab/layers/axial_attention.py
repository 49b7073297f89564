"""Position-sensitive attention along one axis or both, and global attention.

Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation, Huiyu Wang, Yukun
Zhu, Bradley Green, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2020,
https://arxiv.org/abs/2003.07853. The private attribute names are the keys of published
checkpoints. Departures: the layer takes any input size without being rebuilt; it
implements local attention, which the published layer only declares; norms are folded
into the products where possible; attention weights are computed in float32 at any
precision.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.core.specs import AxialAttentionConfig, NormConfig
from deeplab.layers.activations import get_activation
from deeplab.layers.attention_blocks import Blocks
from deeplab.layers.normalization import normalization
from deeplab.layers.positional_encoding import (
    RelativePositionalEncoding,
    skewed,
    unskewed,
)
from deeplab.layers.weight_standardization import standardized
from deeplab.ops.resize import spatial_size

_HEIGHT, _WIDTH = 1, 2
_MASKED = -1e9  # The similarity of a masked key.


class AxialAttention(tf_keras.layers.Layer):
    """Multi-head self-attention along one axis of a feature map.

    With blocks, the padding of the last block is part of the statistics of the
    similarities; with batch normalisation, this affects only training. Group
    normalisation treats each row or column (or block of one) as an image, and each term
    and head as a group.
    """

    def __init__(
        self,
        channels: int,
        config: AxialAttentionConfig,
        *,
        axis: int,
        name: str,
        norm: NormConfig,
        relative: bool = True,
    ):
        """Creates the layers.

        Args:
          channels: base channels, which the expansions of the config multiply.
          config: heads, expansions and reach.
          axis: 1 attends along columns, 2 along rows.
          name: name of the layer.
          norm: kind and options of the norms of projections, similarities and output.
          relative: whether to use relative positional encodings.

        Raises:
          ValueError: the channels cannot be divided among the heads.
        """
        super().__init__(name=name)
        self._config = config
        self._axis = axis
        self._key_channels = round(channels * config.key_expansion)
        self._value_channels = round(channels * config.value_expansion)
        heads = config.num_heads
        if self._key_channels % heads or self._value_channels % heads:
            raise ValueError(
                f"{name}: {heads} heads cannot share {self._key_channels} channels of "
                f"keys and {self._value_channels} of values"
            )
        self._relative = relative
        self._weight_standardization = norm.weight_standardization
        self._batch_norm_qkv = normalization(norm, name="batch_norm_qkv")
        self._batch_norm_similarity = normalization(
            norm.ungrouped(), name="batch_norm_similarity", axis=(0, 2)
        )
        self._batch_norm_retrieved_output = normalization(
            norm.ungrouped(), name="batch_norm_retrieved_output", axis=(0, 2, 4)
        )
        if relative:
            depth = self._key_channels // heads
            self._query_rpe = RelativePositionalEncoding(depth, name="query_rpe")
            self._key_rpe = RelativePositionalEncoding(depth, name="key_rpe")
            self._value_rpe = RelativePositionalEncoding(
                self._value_channels // heads, name="value_rpe"
            )

    def build(self, input_shape: Any) -> None:
        """Creates the projection to queries, keys and values."""
        channels = input_shape[-1]
        self.qkv_kernel = self.add_weight(
            name="qkv_kernel",
            shape=[channels, 2 * self._key_channels + self._value_channels],
            initializer=tf_keras.initializers.TruncatedNormal(stddev=channels**-0.5),
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Attends along the axis.

        Args:
          inputs: `[b, h, w, c]`.
          training: whether to normalise by batch statistics.

        Returns:
          `[b, h, w, channels * value_expansion]`.
        """
        config = self._config
        length = spatial_size(inputs)[self._axis - 1]
        blocks = Blocks(length, config.block, config.halo)
        query, key, value = self._project(inputs, training)
        similarity = self._similarity(
            blocks.split(query), blocks.memory(key), blocks, training
        )
        # Half precision has too few digits for sums over an axis.
        similarity = blocks.hide(tf.cast(similarity, tf.float32), _MASKED)
        softmax = config.activation == "softmax"
        activate = tf.nn.softmax if softmax else get_activation(config.activation)
        weights = tf.cast(activate(similarity), inputs.dtype)
        retrieved = self._retrieve(weights, blocks.memory(value), blocks, training)
        return self._merge_heads(retrieved, inputs)

    def _project(
        self, inputs: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns queries, keys, values: `[b * others, heads, length, channels]`."""
        kernel = self.qkv_kernel
        if self._weight_standardization:
            kernel = standardized(kernel, (0,))
        affine = self._batch_norm_qkv.affine(training)
        if affine is None:
            kernel = tf.cast(kernel, inputs.dtype)
            qkv = tf.einsum("bhwc,cd->bhwd", inputs, kernel)
            qkv = self._batch_norm_qkv(qkv, training=training)
        else:
            scale, shift = affine
            kernel = tf.cast(kernel, scale.dtype) * scale
            qkv = tf.einsum("bhwc,cd->bhwd", inputs, tf.cast(kernel, inputs.dtype))
            qkv = tf.nn.bias_add(qkv, tf.cast(shift, qkv.dtype))
        sizes = [self._key_channels, self._key_channels, self._value_channels]
        query, key, value = (
            self._split_heads(part) for part in tf.split(qkv, sizes, axis=-1)
        )
        return query, key, value

    def _split_heads(self, x: tf.Tensor) -> tf.Tensor:
        height, width = spatial_size(x)
        heads = self._config.num_heads
        channels: Any = x.shape[-1]
        depth = channels // heads
        down = self._axis == _HEIGHT
        x = tf.reshape(x, [-1, height, width, heads, depth])
        x = tf.transpose(x, [0, 2, 3, 1, 4] if down else [0, 1, 3, 2, 4])
        return tf.reshape(x, [-1, heads, height if down else width, depth])

    def _merge_heads(self, x: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        height, width = spatial_size(inputs)
        static: Any = x.shape
        _, heads, _, depth = static
        down = self._axis == _HEIGHT
        others, length = (width, height) if down else (height, width)
        x = tf.reshape(x, [-1, others, heads, length, depth])
        x = tf.transpose(x, [0, 3, 1, 2, 4] if down else [0, 1, 3, 2, 4])
        x = tf.reshape(x, [-1, height, width, heads * depth])
        return tf.ensure_shape(x, [*inputs.shape[:3], heads * depth])

    def _similarity(
        self, query: tf.Tensor, key: tf.Tensor, blocks: Blocks, training: bool
    ) -> tf.Tensor:
        """Returns `[n, heads, queries, keys]`: the sum of the normalised terms."""
        norm = self._batch_norm_similarity
        affine = norm.affine(training)
        if affine is None:
            terms = self._terms(query, query, key, key, blocks)
            return tf.reduce_sum(norm(tf.stack(terms), training=training), axis=0)
        scales, shift = _per_term(affine, query.dtype)
        # Queries and keys are smaller than similarities, so they are scaled instead.
        positional = [query, key]
        if self._relative:
            positional = [query * scales[1], key * scales[2]]
        terms = self._terms(
            query * scales[0], positional[0], key, positional[1], blocks
        )
        return tf.add_n(terms) + shift

    def _terms(
        self,
        query: tf.Tensor,
        positional_query: tf.Tensor,
        key: tf.Tensor,
        positional_key: tf.Tensor,
        blocks: Blocks,
    ) -> list[tf.Tensor]:
        """Returns the similarities query-key, query-position and key-position."""
        content = tf.matmul(query, key, transpose_b=True)
        if not self._relative:
            return [content]
        encoding = tf.cast(self._query_rpe.within(blocks.reach), query.dtype)
        products = tf.einsum("nhqd,rd->nhqr", positional_query, encoding)
        query_position = skewed(products, blocks.queries)
        # From a key to a query, the distance has the opposite sign.
        encoding = tf.cast(self._key_rpe.within(blocks.reach), query.dtype)[::-1]
        products = tf.einsum("nhkd,rd->nhkr", positional_key, encoding)
        keys = key.shape[2] or tf.shape(key)[2]
        key_position = tf.linalg.matrix_transpose(skewed(products, keys))
        return [content, query_position, key_position]

    def _retrieve(
        self, weights: tf.Tensor, value: tf.Tensor, blocks: Blocks, training: bool
    ) -> tf.Tensor:
        """Returns `[b * others, heads, length, channels]`."""
        parts = [tf.matmul(weights, value)]
        if self._relative:
            encoding = tf.cast(self._value_rpe.within(blocks.reach), weights.dtype)
            by_distance = unskewed(weights, blocks.queries)
            parts.append(tf.einsum("nhqr,rd->nhqd", by_distance, encoding))
        parts = [blocks.join(part) for part in parts]
        norm = self._batch_norm_retrieved_output
        affine = norm.affine(training)
        if affine is None:
            return tf.reduce_sum(norm(tf.stack(parts), training=training), axis=0)
        scales, shift = _per_term(affine, weights.dtype)
        scaled = [part * scale for part, scale in zip(parts, scales, strict=True)]
        return tf.add_n(scaled) + shift


class AxialAttention2D(tf_keras.layers.Layer):
    """Attention along the columns and then along the rows, followed by activation."""

    def __init__(
        self,
        channels: int,
        config: AxialAttentionConfig,
        *,
        norm: NormConfig,
        strides: int = 1,
        activation: str = "relu",
    ):
        """Creates the layers.

        Args:
          channels: base channels, which the expansions of the config multiply.
          config: heads, expansions and reach.
          norm: kind and options of the norms.
          strides: stride of the output.
          activation: name of the activation.
        """
        super().__init__(name="attention")
        self._strides = strides
        self._activation = get_activation(activation)
        self._height_axis = AxialAttention(
            channels, config, axis=_HEIGHT, name="height_axis", norm=norm
        )
        self._width_axis = AxialAttention(
            channels, config, axis=_WIDTH, name="width_axis", norm=norm
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, ceil(h / strides), ceil(w / strides), c * value_expansion]`."""
        x = self._height_axis(inputs, training=training)[:, :: self._strides]
        x = self._width_axis(x, training=training)[:, :, :: self._strides]
        return self._activation(x)


class GlobalAttention2D(tf_keras.layers.Layer):
    """Content-only attention of every pixel to every pixel, followed by activation."""

    def __init__(
        self,
        channels: int,
        config: AxialAttentionConfig,
        *,
        norm: NormConfig,
        strides: int = 1,
        activation: str = "relu",
    ):
        """Creates the layers; arguments as in `AxialAttention2D`."""
        super().__init__(name="attention")
        self._strides = strides
        self._activation = get_activation(activation)
        self._global = AxialAttention(
            channels, config, axis=_WIDTH, name="global", norm=norm, relative=False
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns `[b, ceil(h / strides), ceil(w / strides), c * value_expansion]`."""
        height, width = spatial_size(inputs)
        x = tf.reshape(inputs, [-1, 1, height * width, inputs.shape[-1]])
        x = self._global(x, training=training)
        x = tf.reshape(x, [-1, height, width, x.shape[-1]])
        x = tf.ensure_shape(x, [*inputs.shape[:3], x.shape[-1]])
        return self._activation(x[:, :: self._strides, :: self._strides])


def _per_term(
    affine: tuple[tf.Tensor, tf.Tensor], dtype: tf.DType
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Returns the scale of each of the stacked terms, and the shift of their sum."""
    scale, shift = affine
    scales = tf.unstack(tf.cast(scale, dtype))
    return scales, tf.cast(tf.reduce_sum(shift, axis=0), dtype)
