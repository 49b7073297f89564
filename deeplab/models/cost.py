"""The cost of a model: parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf


def parameter_counts(items: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Counts the parameters of a model, by checkpoint item.

    Args:
      items: a model's `checkpoint_items`. A variable that is part of several items is
        counted only for the first.

    Returns:
      Item -> (number of trainable parameters, number of non-trainable ones).
    """
    seen: set[int] = set()
    counts = {}
    for name, item in items.items():
        sums = [0, 0]
        trainable = {id(v) for v in item.trainable_variables}
        for variable in item.variables:
            if id(variable) not in seen:
                seen.add(id(variable))
                sums[id(variable) not in trainable] += math.prod(variable.shape)
        counts[name] = (sums[0], sums[1])
    return counts


def multiply_adds(
    network: Callable[[tf.Tensor], Any], height: int, width: int, channels: int = 3
) -> int:
    """Counts the multiply-adds of convolutions and matrix products for one image.

    The network is only traced, not run. What papers call FLOPs is this number or twice
    this number.

    Args:
      network: function of `[1, height, width, channels]` float32 images.
      height: rows of the image.
      width: columns of the image.
      channels: channels of the image.

    Raises:
      ValueError: the shape of an operation is not static.
    """
    spec = tf.TensorSpec([1, height, width, channels], tf.float32)
    graph = tf.function(network).get_concrete_function(spec).graph
    return sum(_multiply_adds(op) for op in _operations(graph))


def _operations(graph: Any) -> Iterator[Any]:
    for op in graph.get_operations():
        yield op
        if op.type in ("PartitionedCall", "StatefulPartitionedCall"):
            function = graph._get_function(op.get_attr("f").name)
            yield from _operations(function.graph)


def _multiply_adds(op: Any) -> int:
    """Returns the multiply-adds of an operation: outputs times the cost of each."""
    if op.type == "Conv2D":
        rows, columns, inputs, _ = _shape(op.inputs[1])
        return _size(op.outputs[0]) * rows * columns * inputs
    if op.type == "DepthwiseConv2dNative":
        rows, columns, _, _ = _shape(op.inputs[1])
        return _size(op.outputs[0]) * rows * columns
    if op.type == "MatMul":
        return (
            _size(op.outputs[0])
            * _shape(op.inputs[0])[0 if op.get_attr("transpose_a") else 1]
        )
    if op.type in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        return (
            _size(op.outputs[0])
            * _shape(op.inputs[0])[-2 if op.get_attr("adj_x") else -1]
        )
    return 0


def _size(tensor: tf.Tensor) -> int:
    return math.prod(_shape(tensor))


def _shape(tensor: tf.Tensor) -> list[int]:
    sides = [side for side in tensor.shape.as_list() if side is not None]
    if len(sides) < len(tensor.shape):
        raise ValueError(f"{tensor.name}: its shape {tensor.shape} is not static")
    return sides
