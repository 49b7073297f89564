"""What the stages hand to each other: named tuples of tensors.

A named tuple works in `tf.function`, under distribution strategies and in a
SavedModel, and names its fields to the reader. Shapes below leave out nothing:
`b` is the batch, `h, w` the padded input, `H, W` the image as it was stored.
Absent fields are None; a pipeline element, which cannot hold None, is a dict
without them, and `Example(**element)` gives the tuple.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# tf.Tensor or np.ndarray: the same tuples carry both, and this module imports neither.
Tensor = Any


class Example(NamedTuple):
    """One batch of the input pipeline: images, targets, and what evaluation needs."""

    # [b, h, w, 3] float32, 0 to 255.
    image: Tensor
    # [b, h, w] int32, class ids or the ignore label.
    semantic_gt: Tensor = None
    # [b, h, w] int32, class id * label divisor + instance id.
    panoptic_gt: Tensor = None
    # [b, h, w] bool, pixels of crowd regions.
    is_crowd_gt: Tensor = None
    # [b, h, w] float32, weight of a pixel in the semantic loss.
    semantic_loss_weight: Tensor = None
    # [b, h, w] float32, 0 to 1, Gaussians at the instance centres.
    instance_center_gt: Tensor = None
    # [b, h, w] float32, 1 where the centre loss counts.
    center_loss_weight: Tensor = None
    # [b, h, w, 2] float32, (dy, dx) in input pixels from a pixel to its centre.
    instance_regression_gt: Tensor = None
    # [b, h, w] float32, 1 where the offset loss counts.
    regression_loss_weight: Tensor = None
    # [b, H, W] as above but as stored, before resizing and padding.
    semantic_raw: Tensor = None
    panoptic_raw: Tensor = None
    is_crowd_raw: Tensor = None
    # [b, 2] int32, height and width of the image as stored.
    size_raw: Tensor = None
    # [b, 2] int32, height and width after resizing, before padding: the part of
    # the input that shows the image.
    resized_size: Tensor = None
    # [b] string, name of the image file.
    image_filename: Tensor = None


class SemanticOutput(NamedTuple):
    """What a semantic head returns, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor


class CenterOffsetOutput(NamedTuple):
    """What the Panoptic-DeepLab head returns, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor
    # [b, h', w', 1] float32.
    center_heatmap: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels.
    offset_map: Tensor


class Prediction(NamedTuple):
    """What a model predicts for a batch, at input (or original image) size."""

    # [b, h, w, classes] float32.
    semantic_logits: Tensor = None
    # [b, h, w, classes] float32, 0 to 1, summing to 1.
    semantic_probs: Tensor = None
    # [b, h, w] int32, class ids.
    semantic_pred: Tensor = None
    # [b, h, w] float32, 0 to 1 before post-processing keeps only the peaks.
    center_heatmap: Tensor = None
    # [b, h, w, 2] float32, (dy, dx) in pixels.
    offset_map: Tensor = None
    # [b, h, w] int32, class id * label divisor + instance id.
    panoptic_pred: Tensor = None
    # [b, h, w] int32, instance ids, 0 where there is none.
    instance_pred: Tensor = None
    # [b, h, w] float32, the heatmap where a centre was found, else 0.
    instance_center_pred: Tensor = None
    # [b, h, w] float32, confidence of the instance that covers a pixel.
    instance_scores: Tensor = None
