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

    # [b, h, w, 3] float32, 0 to 255. Video models get the frame before (Motion-DeepLab)
    # or after it (ViP-DeepLab) in channels 3 to 5; Motion-DeepLab in training also the
    # heatmap of the previous centres, 0 to 1 as published, in channel 6.
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
    # [b, h, w] int32, thing instances numbered from 0; -1 elsewhere.
    thing_id_mask_gt: Tensor = None
    # [b, max_thing_id] int32, class of the thing with number i, -1 beyond the last.
    thing_id_class_gt: Tensor = None
    # [b, h, w, 2] float32, (dy, dx) in input pixels from a pixel to the centre of its
    # instance in the previous frame.
    frame_offset_gt: Tensor = None
    # [b, h, w] float32, 1 where the loss of these offsets counts.
    frame_regression_loss_weight: Tensor = None
    # [b, h, w, 2] float32, (dy, dx) in input pixels from a pixel of the next frame to
    # the centre of its instance in this frame.
    next_instance_regression_gt: Tensor = None
    # [b, h, w] float32, 1 where the loss of these offsets counts.
    next_regression_loss_weight: Tensor = None
    # [b, h, w] float32, metres; the data set's `ignore_depth` where unknown.
    depth_gt: Tensor = None
    # [b] int32, class of the whole image, or the ignore label.
    class_gt: Tensor = None
    # [b, H, W] as above but as stored, before resizing and padding.
    semantic_raw: Tensor = None
    panoptic_raw: Tensor = None
    is_crowd_raw: Tensor = None
    # [b, H, W] int32, labels of the next frame.
    next_panoptic_raw: Tensor = None
    # [b, H, W] float32, metres.
    depth_raw: Tensor = None
    # [b, 2] int32, height and width of the image as stored.
    size_raw: Tensor = None
    # [b, 2] int32, height and width after resizing, before padding: the part of
    # the input that shows the image.
    resized_size: Tensor = None
    # [b, 2] int32, height and width of the model's input for the image: after its
    # own padding, before that to the largest image of the batch.
    input_size: Tensor = None
    # [b] string, name of the image file.
    image_filename: Tensor = None
    # [b] string, name of the video; of the frame in it.
    sequence_id: Tensor = None
    frame_id: Tensor = None


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


class MotionOutput(NamedTuple):
    """What the Motion-DeepLab head returns, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor
    # [b, h', w', 1] float32.
    center_heatmap: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels.
    offset_map: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels to the centre in the previous
    # frame.
    frame_offset_map: Tensor


class VideoDepthOutput(NamedTuple):
    """What the ViP-DeepLab head returns, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor
    # [b, h', w', 1] float32.
    center_heatmap: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels.
    offset_map: Tensor
    # [b, h', w', 2] float32, from the pixels of the next frame to centres in this one.
    next_offset_map: Tensor
    # [b, 2 h' - 1, 2 w' - 1, 1] float32, metres; None if depth is not predicted.
    depth_pred: Tensor = None


class MaskOutput(NamedTuple):
    """What a mask transformer returns: `slots` masks, each with a class or none."""

    # [b, h', w', slots] float32, at the stride of the masks.
    pixel_space_mask_logits: Tensor
    # [b, slots, classes + 1] float32, the last channel being "no object".
    transformer_class_logits: Tensor
    # [b, h', w', channels] float32, of unit length.
    pixel_space_normalized_feature: Tensor
    # [b, h'', w'', classes] float32, of the auxiliary semantic head.
    semantic_logits: Tensor = None
    # MaskOutput of earlier decoder layers, for training; from the first to the last.
    auxiliary_outputs: tuple[Any, ...] = ()


class ClassOutput(NamedTuple):
    """What a classifier returns."""

    # [b, classes] float32.
    class_logits: Tensor


class TrackState(NamedTuple):
    """What Motion-DeepLab remembers from frame to frame of one video."""

    # [1, h, w] float32, 0 to 1: heatmap of the centres of the frame before.
    heatmap: Tensor
    # [tracks, 5] int32: x, y, panoptic label, width * height of the bounding box,
    # frames since last seen.
    centers: Tensor
    # [] int32, the next unused track id.
    next_id: Tensor


class StitchState(NamedTuple):
    """What ViP-DeepLab remembers from pair to pair of one video."""

    # [1, h, w] int32, the second frame of the pair before, with lasting ids.
    panoptic: Tensor
    # [classes] int32, how many instances of each class have a number.
    counts: Tensor


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
    # [b, h, w] float32, confidence of the class of a pixel.
    semantic_scores: Tensor = None
    # Mask transformers, as in `MaskOutput`: at the stride of the masks, and with them
    # the semantic fields above at that of the auxiliary semantic head.
    pixel_space_mask_logits: Tensor = None
    transformer_class_logits: Tensor = None
    pixel_space_normalized_feature: Tensor = None
    # [b, h, w, 2] float32, see `MotionOutput`.
    frame_offset_map: Tensor = None
    # [b, h, w, 2] float32, see `VideoDepthOutput`.
    next_offset_map: Tensor = None
    # [b, h, w] int32, the next frame, its instances numbered as in this frame.
    next_panoptic_pred: Tensor = None
    # [b, h, w] int32, the next frame as this frame's centres explain it, before it is
    # joined with what the next frame says of itself.
    concat_next_panoptic_pred: Tensor = None
    # [b, h, w, 1] float32, metres.
    depth_pred: Tensor = None
    # Classifiers, of the whole image: [b, classes] float32; the same as probabilities,
    # 0 to 1, summing to 1; [b] int32, the most probable class.
    class_logits: Tensor = None
    class_probs: Tensor = None
    class_pred: Tensor = None
