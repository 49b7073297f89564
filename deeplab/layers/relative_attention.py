"""Self-attention on maps with a learned bias for each relative position.

MOAT: Alternating Mobile Convolution and Attention Brings Strong Vision Models,
Chenglin Yang, Siyuan Qiao, Qihang Yu, Xiaoding Yuan, Yukun Zhu, Alan Yuille, Hartwig
Adam, Liang-Chieh Chen, ICLR 2023, https://arxiv.org/abs/2210.01820. The bias comes from
CoAtNet: Marrying Convolution and Attention for All Data Sizes, Zihang Dai, Hanxiao Liu,
Quoc V. Le, Mingxing Tan, NeurIPS 2021, https://arxiv.org/abs/2106.04803.

The table of biases is resized to the map or the window at each call, so any input size
works with the same weights. The attribute names are the keys of published checkpoints.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.ops.resize import spatial_size

# The initialiser of all kernels, as a config, so that each weight creates its own.
NORMAL: Any = {"class_name": "RandomNormal", "config": {"stddev": 0.02}}
_MASKED = -1e9


class HeadProjection(tf_keras.layers.Layer):
    """A dense layer from some trailing axes to others, with a bias."""

    def __init__(self, shape: tuple[int, ...], *, name: str, num_input_axes: int = 1):
        """Creates the layer.

        Args:
          shape: sizes of the trailing axes of the output.
          name: name of the layer.
          num_input_axes: number of trailing axes of the input to sum over.
        """
        super().__init__(name=name)
        self._shape = shape
        self._num_input_axes = num_input_axes

    def build(self, input_shape: Any) -> None:
        """Creates weight and bias."""
        inputs = tuple(input_shape[-self._num_input_axes :])
        self.weight = self.add_weight(
            name="weight",
            shape=inputs + self._shape,
            initializer=NORMAL,
        )
        self.bias = self.add_weight(name="bias", shape=self._shape, initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[..., *shape]`."""
        return tf.tensordot(inputs, self.weight, self._num_input_axes) + self.bias


class RelativeAttention(tf_keras.layers.Layer):
    """Multi-head self-attention over the whole map, or within windows."""

    def __init__(
        self,
        channels: int,
        *,
        name: str,
        head_channels: int = 32,
        position_embedding_size: int | None = None,
        window: tuple[int, int] | None = None,
    ):
        """Creates the projections.

        Args:
          channels: input and output channels.
          name: name of the layer.
          head_channels: channels per head.
          position_embedding_size: side of the map that the table of biases is stored
            for; None means no biases.
          window: height and width of the attention windows; None attends to the whole
            map. In windows that extend beyond the map, only positions inside the map
            are attended to.
        """
        super().__init__(name=name)
        self._channels = channels
        self._head_channels = head_channels
        self._num_heads = max(1, channels // head_channels)
        self._table_size = position_embedding_size
        self._window = window
        heads = (self._num_heads, head_channels)
        self._q_proj = HeadProjection(heads, name="q")
        self._k_proj = HeadProjection(heads, name="k")
        self._v_proj = HeadProjection(heads, name="v")
        self._o_proj = HeadProjection((channels,), name="o", num_input_axes=2)
        self.relative_position_embedding = None

    def build(self, input_shape: Any) -> None:
        """Creates the table of biases."""
        if self._table_size is not None:
            side = 2 * self._table_size - 1
            self.relative_position_embedding = self.add_weight(
                name="relative_position_embedding",
                shape=(self._num_heads, side, side),
                initializer=NORMAL,
            )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[b, h, w, channels]`."""
        size = spatial_size(inputs)
        if self._window is None:
            tokens = tf.reshape(inputs, [-1, size[0] * size[1], self._channels])
            return tf.reshape(self._attend(tokens, size, None), tf.shape(inputs))
        windows = split_windows(inputs, self._window)
        mask = None
        if not _divides(self._window, size):
            inside = split_windows(tf.ones_like(inputs[:1, :, :, :1]), self._window)
            mask = (1.0 - tf.cast(tf.squeeze(inside, -1), tf.float32)) * _MASKED
        attended = self._attend(windows, self._window, mask)
        return join_windows(attended, self._window, size)

    def _attend(
        self, tokens: tf.Tensor, size: tuple[Any, Any], mask: tf.Tensor | None
    ) -> tf.Tensor:
        """Lets the tokens of each map attend to each other.

        Args:
          tokens: `[n, h * w, c]`, the pixels of n maps, row by row.
          size: height and width of a map.
          mask: `[m, h * w]` float32, added to the logits of the keys; m divides n.
        """
        query = self._q_proj(tokens) * self._head_channels**-0.5
        logits = tf.einsum("nshc,nthc->nhst", query, self._k_proj(tokens))
        if self.relative_position_embedding is not None:
            table = resize_table(self.relative_position_embedding, size)
            logits += relative_bias(tf.cast(table, logits.dtype), size)
        logits = tf.cast(logits, tf.float32)
        if mask is not None:
            shape = tf.shape(logits)
            folded = tf.concat([[-1, tf.shape(mask)[0]], shape[1:]], 0)
            logits = tf.reshape(
                tf.reshape(logits, folded) + mask[:, tf.newaxis, tf.newaxis], shape
            )
        weights = tf.cast(tf.nn.softmax(logits), tokens.dtype)
        values = tf.einsum("nhst,nthc->nshc", weights, self._v_proj(tokens))
        return self._o_proj(values)


def resize_table(table: tf.Tensor, size: tuple[Any, Any]) -> tf.Tensor:
    """Resizes a table of biases, `[heads, 2 * a - 1, 2 * b - 1]`, bilinearly.

    Args:
      table: entry (a - 1 + dy, b - 1 + dx) is the bias of the offset (dy, dx).
      size: height and width of the map to attend to.

    Returns:
      `[heads, 2 * height - 1, 2 * width - 1]` float32.
    """
    sides = tf.stack([2 * size[0] - 1, 2 * size[1] - 1])
    return tf.squeeze(tf.image.resize(tf.expand_dims(table, -1), sides), axis=-1)


def relative_bias(table: tf.Tensor, size: tuple[Any, Any]) -> tf.Tensor:
    """Returns the bias of each pair of positions, looked up by their offset.

    Args:
      table: `[heads, 2 * height - 1, 2 * width - 1]`.
      size: height and width of the map.

    Returns:
      `[heads, height * width, height * width]`, indexed by the query position and the
      key position, both row by row.
    """
    height, width = size
    rows, columns = tf.range(height), tf.range(width)
    across = columns - columns[:, tf.newaxis] + width - 1
    down = rows - rows[:, tf.newaxis] + height - 1
    # [heads, offset down, column of the query, column of the key]
    by_columns = tf.gather(table, across, axis=2)
    heads = by_columns.shape[0]
    flat = tf.reshape(by_columns, [heads, (2 * height - 1) * width, width])
    # [row of the query, column of the query, row of the key]: one gather places whole
    # rows of keys, without transposing the large result.
    index = down[:, tf.newaxis] * width + columns[:, tf.newaxis]
    count = height * width
    return tf.reshape(tf.gather(flat, index, axis=1), [heads, count, count])


def split_windows(inputs: tf.Tensor, window: tuple[int, int]) -> tf.Tensor:
    """Splits `[b, h, w, c]` maps into windows, with zeros beyond the map.

    Returns:
      `[b * windows, window height * window width, c]`, with windows in row-major order.
    """
    size = spatial_size(inputs)
    covered = _covered(size, window)
    below, right = covered[0] - size[0], covered[1] - size[1]
    x = tf.pad(inputs, [[0, 0], [0, below], [0, right], [0, 0]])
    height, width, channels = *window, inputs.shape[-1]
    down, across = covered[0] // height, covered[1] // width
    x = tf.reshape(x, [-1, down, height, across, width, channels])
    x = tf.transpose(x, [0, 1, 3, 2, 4, 5])
    return tf.reshape(x, [-1, height * width, channels])


def join_windows(
    windows: tf.Tensor, window: tuple[int, int], size: tuple[Any, Any]
) -> tf.Tensor:
    """Joins windows into maps: the inverse of `split_windows`.

    Args:
      windows: `[b * windows, window height * window width, c]`.
      window: height and width of a window.
      size: height and width of the maps.

    Returns:
      `[b, h, w, c]`.
    """
    covered = _covered(size, window)
    height, width, channels = *window, windows.shape[-1]
    down, across = covered[0] // height, covered[1] // width
    x = tf.reshape(windows, [-1, down, across, height, width, channels])
    x = tf.transpose(x, [0, 1, 3, 2, 4, 5])
    x = tf.reshape(x, [-1, covered[0], covered[1], channels])
    return x[:, : size[0], : size[1]]


def _divides(window: tuple[int, int], size: tuple[Any, Any]) -> bool:
    """Returns whether windows are known to tile a map; False if its size is unknown."""
    return all(
        isinstance(length, int) and length % side == 0
        for length, side in zip(size, window, strict=True)
    )


def _covered(size: tuple[Any, Any], window: tuple[int, int]) -> tuple[Any, Any]:
    """Returns the total size of the windows that cover a map."""
    height, width = (-(-a // b) * b for a, b in zip(size, window, strict=True))
    return height, width
