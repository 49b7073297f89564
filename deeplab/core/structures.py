"""Named tuples of tensors that the stages pass to each other.

Named tuples work in `tf.function`, under distribution strategies and in a SavedModel,
and give each field a name. In the shapes below, `b` is the batch size, `h, w` the size
of the padded input, and `H, W` the size of the image as stored. Absent fields are None.
An element of the pipeline cannot contain None, so it is a `Batch` of dicts without the
absent fields; `Example(**batch.device)` converts it to the named tuple.

Each field is annotated with its record; `EXAMPLE_FIELDS` and `PREDICTION_FIELDS`
collect the records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

from deeplab.core.fields import (
    ExampleField,
    Extent,
    Kind,
    Padding,
    PredictionField,
    Side,
    records,
)

# tf.Tensor or np.ndarray: the same tuples carry both, and this module imports neither.
Tensor = Any

_DEVICE = ExampleField()
_HOST = ExampleField(side=Side.HOST)


def _stored(padding: Padding = Padding.ZERO) -> ExampleField:
    return ExampleField(padding, Side.HOST, as_stored=True)


def _own(kind: Kind) -> PredictionField:
    return PredictionField(kind, Extent.OWN)


class Example(NamedTuple):
    """One batch of the input pipeline: images, targets, and what evaluation needs."""

    # [b, h, w, 3] float32, 0 to 255. For video models, channels 3 to 5 hold the
    # previous frame (Motion-DeepLab) or the next (ViP-DeepLab). To train
    # Motion-DeepLab, channel 6 holds the heatmap of the previous centres, 0 to 1 as
    # published.
    image: Annotated[Tensor, ExampleField(Padding.MEAN_PIXEL, shown=True)]
    # [b, h, w] int32, class ids or the ignore label.
    semantic_gt: Annotated[Tensor, ExampleField(Padding.IGNORE_LABEL)] = None
    # [b, h, w] int32, class id * label divisor + instance id.
    panoptic_gt: Annotated[Tensor, ExampleField(Padding.VOID)] = None
    # [b, h, w] bool, pixels of crowd regions.
    is_crowd_gt: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] float32, weight of each pixel in the semantic loss.
    semantic_loss_weight: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] float32, 0 to 1, Gaussians at the instance centres.
    instance_center_gt: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] float32, 1 where the centre loss applies.
    center_loss_weight: Annotated[Tensor, _DEVICE] = None
    # [b, h, w, 2] float32, (dy, dx) in input pixels from a pixel to its centre.
    instance_regression_gt: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] float32, 1 where the offset loss applies.
    regression_loss_weight: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] int32, thing instances numbered from 0; -1 elsewhere.
    thing_id_mask_gt: Annotated[Tensor, ExampleField(Padding.NO_INSTANCE)] = None
    # [b, max_thing_id] int32, class of thing number i, -1 beyond the last.
    thing_id_class_gt: Annotated[Tensor, _DEVICE] = None
    # [b, h, w, 2] float32, (dy, dx) in input pixels from a pixel to the centre of its
    # instance in the previous frame.
    frame_offset_gt: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] float32, 1 where the loss of these offsets applies.
    frame_regression_loss_weight: Annotated[Tensor, _DEVICE] = None
    # [b, h, w, 2] float32, (dy, dx) in input pixels from a pixel of the next frame to
    # the centre of its instance in this frame.
    next_instance_regression_gt: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] float32, 1 where the loss of these offsets applies.
    next_regression_loss_weight: Annotated[Tensor, _DEVICE] = None
    # [b, h, w] float32, metres; the `ignore_depth` of the data set where unknown.
    depth_gt: Annotated[Tensor, ExampleField(Padding.IGNORE_DEPTH)] = None
    # [b] int32, class of the whole image, or the ignore label.
    class_gt: Annotated[Tensor, ExampleField(shown=True)] = None
    # [b, H, W], like the fields above but as stored, before resizing and padding.
    semantic_raw: Annotated[Tensor, _stored(Padding.IGNORE_LABEL)] = None
    panoptic_raw: Annotated[Tensor, _stored(Padding.VOID)] = None
    is_crowd_raw: Annotated[Tensor, _stored()] = None
    # [b, H, W] int32, labels of the next frame.
    next_panoptic_raw: Annotated[Tensor, _stored(Padding.VOID)] = None
    # [b, H, W] float32, metres.
    depth_raw: Annotated[Tensor, _stored(Padding.IGNORE_DEPTH)] = None
    # [b, 2] int32, height and width of the image as stored.
    size_raw: Annotated[Tensor, _HOST] = None
    # [b, 2] int32, height and width after resizing, before padding: the part of the
    # input that the image covers.
    resized_size: Annotated[Tensor, _HOST] = None
    # [b, 2] int32, height and width of the model's input for the image: after its own
    # padding, before padding to the largest image of the batch.
    input_size: Annotated[Tensor, _HOST] = None
    # [b] string, name of the image file.
    image_filename: Annotated[Tensor, _HOST] = None
    # [b] string, name of the video, and name of the frame in the video.
    sequence_id: Annotated[Tensor, _HOST] = None
    frame_id: Annotated[Tensor, _HOST] = None


class Batch(NamedTuple):
    """A batch of the input pipeline in two parts, each with fields of `Example`."""

    # Inputs of the model and the losses.
    device: Mapping[str, Tensor]
    # Fields that stay on the host: file names, labels as stored, sizes.
    host: Mapping[str, Tensor]


class SemanticOutput(NamedTuple):
    """The output of a semantic head, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor


class CenterOffsetOutput(NamedTuple):
    """The output of the Panoptic-DeepLab head, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor
    # [b, h', w'] float32.
    center_heatmap: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels.
    offset_map: Tensor


class MotionOutput(NamedTuple):
    """The output of the Motion-DeepLab head, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor
    # [b, h', w'] float32.
    center_heatmap: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels.
    offset_map: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels to the centre in the previous
    # frame.
    frame_offset_map: Tensor


class VideoDepthOutput(NamedTuple):
    """The output of the ViP-DeepLab head, at its own stride."""

    # [b, h', w', classes] float32.
    semantic_logits: Tensor
    # [b, h', w'] float32.
    center_heatmap: Tensor
    # [b, h', w', 2] float32, (dy, dx) in input pixels.
    offset_map: Tensor
    # [b, h', w', 2] float32, from the pixels of the next frame to centres in this one.
    next_offset_map: Tensor
    # [b, 2 h' - 1, 2 w' - 1, 1] float32, metres; None if depth is not predicted.
    depth_pred: Tensor = None
    # The first three fields for the next frame by itself; None in training.
    next_semantic_logits: Tensor = None
    next_center_heatmap: Tensor = None
    next_own_offset_map: Tensor = None


class MaskOutput(NamedTuple):
    """The output of a mask transformer: `slots` masks and the class of each."""

    # [b, h', w', slots] float32, at the stride of the masks.
    pixel_space_mask_logits: Tensor
    # [b, slots, classes + 1] float32; the last channel is "no object".
    transformer_class_logits: Tensor
    # [b, h', w', channels] float32, normalised to unit length.
    pixel_space_normalized_feature: Tensor
    # [b, h'', w'', classes] float32, auxiliary semantic head at its own stride.
    auxiliary_semantic_logits: Tensor = None


class ClassOutput(NamedTuple):
    """The output of a classifier."""

    # [b, classes] float32.
    class_logits: Tensor


class Outputs(NamedTuple):
    """The outputs of a head: the main one and, in training, named auxiliary ones."""

    # One of the tuples above.
    main: Any
    # Name -> one of the tuples above; each may have losses of its own.
    auxiliary: Mapping[str, Any] = {}


class TrackState(NamedTuple):
    """The state that Motion-DeepLab carries between the frames of a video."""

    # [1, h, w] float32, 0 to 1: heatmap of the centres in the previous frame.
    heatmap: Tensor
    # [tracks, 5] int32: x, y, panoptic label, width * height of the bounding box,
    # frames since last seen.
    centers: Tensor
    # [] int32, the next unused track id.
    next_id: Tensor


class StitchState(NamedTuple):
    """The state that ViP-DeepLab carries between the frame pairs of a video."""

    # [1, h, w] int32, second frame of the previous pair, with ids of the whole video.
    panoptic: Tensor
    # [classes] int32, number of instances of each class numbered so far.
    counts: Tensor


class Prediction(NamedTuple):
    """The prediction for a batch, at the size of the input or of the original image."""

    # [b, h, w, classes] float32.
    semantic_logits: Annotated[Tensor, PredictionField(Kind.LOGITS, channels=True)] = (
        None
    )
    # [b, h, w, classes] float32, 0 to 1, summing to 1.
    semantic_probs: Annotated[
        Tensor,
        PredictionField(
            Kind.PROBABILITIES, channels=True, softmax_of="semantic_logits"
        ),
    ] = None
    # [b, h, w] int32, class ids.
    semantic_pred: Annotated[Tensor, PredictionField(Kind.IDS, served=True)] = None
    # [b, h, w] float32, 0 to 1, before post-processing keeps only the peaks.
    center_heatmap: Annotated[
        Tensor, PredictionField(Kind.HEATMAP, picture="center_prediction")
    ] = None
    # [b, h, w, 2] float32, (dy, dx) in pixels.
    offset_map: Annotated[
        Tensor,
        PredictionField(Kind.OFFSETS, channels=True, picture="offset_prediction_rgb"),
    ] = None
    # [b, h, w] int32, class id * label divisor + instance id.
    panoptic_pred: Annotated[Tensor, PredictionField(Kind.IDS, served=True)] = None
    # [b, h, w] int32, instance ids, 0 where there is none.
    instance_pred: Annotated[Tensor, PredictionField(Kind.IDS, served=True)] = None
    # [b, h, w] float32, value of the heatmap at the detected centres, 0 elsewhere.
    instance_center_pred: Annotated[Tensor, PredictionField(Kind.SCORES)] = None
    # [b, h, w] float32, confidence of the instance that covers each pixel.
    instance_scores: Annotated[Tensor, PredictionField(Kind.SCORES, served=True)] = None
    # [b, h, w] float32, confidence of the class of each pixel.
    semantic_scores: Annotated[Tensor, PredictionField(Kind.SCORES)] = None
    # Outputs of mask transformers as in `MaskOutput`, each at its own stride.
    pixel_space_mask_logits: Annotated[Tensor, _own(Kind.LOGITS)] = None
    transformer_class_logits: Annotated[Tensor, _own(Kind.LOGITS)] = None
    pixel_space_normalized_feature: Annotated[Tensor, _own(Kind.EMBEDDING)] = None
    auxiliary_semantic_logits: Annotated[Tensor, _own(Kind.LOGITS)] = None
    # [b, h, w, 2] float32, see `MotionOutput`.
    frame_offset_map: Annotated[
        Tensor, PredictionField(Kind.OFFSETS, channels=True)
    ] = None
    # [b, h, w, 2] float32, see `VideoDepthOutput`.
    next_offset_map: Annotated[Tensor, PredictionField(Kind.OFFSETS, channels=True)] = (
        None
    )
    # The next frame by itself, like the fields without `next_`; post-processing removes
    # these fields.
    next_semantic_logits: Annotated[
        Tensor, PredictionField(Kind.LOGITS, channels=True)
    ] = None
    next_semantic_probs: Annotated[
        Tensor,
        PredictionField(
            Kind.PROBABILITIES, channels=True, softmax_of="next_semantic_logits"
        ),
    ] = None
    next_center_heatmap: Annotated[Tensor, PredictionField(Kind.HEATMAP)] = None
    next_own_offset_map: Annotated[
        Tensor, PredictionField(Kind.OFFSETS, channels=True)
    ] = None
    # [b, h, w] int32, the next frame, with instances numbered as in this frame.
    next_panoptic_pred: Annotated[Tensor, PredictionField(Kind.IDS, served=True)] = None
    # [b, h, w] int32, the next frame grouped by the centres of this frame, before it is
    # merged with the prediction of the next frame by itself.
    concat_next_panoptic_pred: Annotated[Tensor, PredictionField(Kind.IDS)] = None
    # [b, h, w, 1] float32, metres.
    depth_pred: Annotated[
        Tensor, PredictionField(Kind.DEPTH, channels=True, served=True)
    ] = None
    # Classifiers: [b, classes] float32.
    class_logits: Annotated[
        Tensor, PredictionField(Kind.LOGITS, Extent.IMAGE, channels=True)
    ] = None
    # [b, classes] float32, 0 to 1, summing to 1.
    class_probs: Annotated[
        Tensor,
        PredictionField(
            Kind.PROBABILITIES,
            Extent.IMAGE,
            channels=True,
            softmax_of="class_logits",
            served=True,
        ),
    ] = None
    # [b] int32, the most probable class.
    class_pred: Annotated[
        Tensor, PredictionField(Kind.IDS, Extent.IMAGE, served=True)
    ] = None


EXAMPLE_FIELDS: dict[str, ExampleField] = records(Example)
PREDICTION_FIELDS: dict[str, PredictionField] = records(Prediction)

AnyTuple = TypeVar("AnyTuple", bound=tuple)


def present(fields: Any) -> dict[str, Any]:
    """Returns the fields of a named tuple that are not None, by name."""
    return {k: v for k, v in fields._asdict().items() if v is not None}


def map_fields(
    function: Callable[[PredictionField, Tensor], Tensor], output: AnyTuple
) -> AnyTuple:
    """Applies a function to the fields of an output or a prediction that are present.

    Args:
      function: takes the record and the value of a field, and returns its new value.
      output: named tuple with fields of `Prediction`.
    """
    changed = {
        name: function(PREDICTION_FIELDS[name], value)
        for name, value in present(output).items()
    }
    fields: Any = output
    return fields._replace(**changed)
