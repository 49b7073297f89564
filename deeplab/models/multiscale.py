"""Test-time scales and flips, and how each output is resized and mirrored.

The rules per field stand here and nowhere else: training, plain inference and
multi-scale inference resize their outputs through `resize_output`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tensorflow as tf

from deeplab.layers.aspp import PoolSize
from deeplab.ops.resize import (
    resize_bilinear,
    resize_offsets,
    scaled_size,
    spatial_size,
)

# Fields that hold (dy, dx): they grow with the image, and dx changes sign in a
# mirrored one.
OFFSET_FIELDS = frozenset({"offset_map", "frame_offset_map", "next_offset_map"})

Output = TypeVar("Output", bound=tuple)
Network = Callable[[tf.Tensor, "PoolSize | None"], Any]


def resize_output(output: Output, size: tuple[Any, Any]) -> Output:
    """Resizes all fields of a head's output, `[b, h, w, c]`, to (height, width).

    Here and below, an output may be a tuple of outputs, and fields may be None.
    """
    return _map_fields(
        lambda name, value: (
            resize_offsets(value, size)
            if name in OFFSET_FIELDS
            else resize_bilinear(value, size)
        ),
        output,
    )


def mirror_output(output: Output) -> Output:
    """Returns the output of a mirrored image as that of the image."""
    return _map_fields(
        lambda name, value: (
            tf.reverse(value, [2]) * tf.constant([1.0, -1.0], value.dtype)
            if name in OFFSET_FIELDS
            else tf.reverse(value, [2])
        ),
        output,
    )


def predict_scales(
    network: Network,
    images: tf.Tensor,
    *,
    pool_size: PoolSize | None = None,
    scales: Sequence[float] = (1.0,),
    add_flipped: bool = False,
) -> list[Any]:
    """Runs a network at several scales, and on mirrored images.

    Args:
      network: from `[b, h, w, c]` images and the pool size to a head's output.
      images: `[b, h, w, c]`.
      pool_size: window of image pooling at scale 1, in feature pixels.
      scales: factors of the image size.
      add_flipped: whether to run each scale mirrored as well.

    Returns:
      The outputs, all at image size.
    """
    size = spatial_size(images)
    outputs = []
    for scale in scales:
        scaled, window = images, pool_size
        if scale != 1.0:
            scaled = resize_bilinear(
                images, (scaled_size(size[0], scale), scaled_size(size[1], scale))
            )
            window = pool_size and (
                scaled_size(pool_size[0], scale),
                scaled_size(pool_size[1], scale),
            )
        outputs.append(resize_output(network(scaled, window), size))
        if add_flipped:
            mirrored = network(tf.reverse(scaled, [2]), window)
            outputs.append(resize_output(mirror_output(mirrored), size))
    return outputs


def average(values: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the mean of tensors of one shape."""
    if len(values) == 1:
        return values[0]
    return tf.add_n(list(values)) / len(values)


def _map_fields(function: Callable[[str, tf.Tensor], Any], output: Any) -> Any:
    """Returns an output, or a tuple of them, with a function applied to each field."""
    if not hasattr(output, "_fields"):
        return tuple(_map_fields(function, one) for one in output)
    fields = output._asdict().items()
    return type(output)(**{k: v if v is None else function(k, v) for k, v in fields})
