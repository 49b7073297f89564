"""Where the examples of a pipeline come from, and how they are processed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.copy_paste import CopyPaste
from deeplab.data.geometry import MEAN_PIXEL, Pixel, Resizing
from deeplab.data.photometric import ColorRanges
from deeplab.data.targets import NEEDS
from deeplab.data.targets.segments import TargetOptions
from deeplab.protos.dataset_pb2 import DatasetOptions


@dataclass(frozen=True)
class Augmentation:
    """The random augmentation of training examples.

    Attributes:
      min_scale: smallest scale factor of the image.
      max_scale: largest scale factor.
      scale_step: step between scale factors; 0 draws from the whole range.
      flip: whether to flip half of the images left to right.
      policy: name of an AutoAugment policy; empty for none.
      colors: ranges of random colour changes.
      copy_paste: which segments of another image are pasted.
    """

    min_scale: float = 1.0
    max_scale: float = 1.0
    scale_step: float = 0.0
    flip: bool = True
    policy: str = ""
    colors: ColorRanges = field(default_factory=ColorRanges)
    copy_paste: CopyPaste = field(default_factory=CopyPaste)


@dataclass(frozen=True)
class PipelineConfig:
    """Where the examples come from, and how they are processed.

    Attributes:
      file_patterns: patterns of the TFRecord files.
      resizing: how images are resized and padded.
      has_labels: whether to read labels, and to make targets from them.
      previous_frame: whether examples include the previous frame.
      next_frame: whether examples include the next frame.
      image_class: whether an image has a single class instead of a label map.
      cameras: cameras to read of multi-camera records, each as an example of its own;
        empty for all.
      augmentation: random augmentation in training.
      target_options: options of the targets.
    """

    file_patterns: tuple[str, ...]
    resizing: Resizing
    has_labels: bool = True
    previous_frame: bool = False
    next_frame: bool = False
    image_class: bool = False
    cameras: tuple[str, ...] = ()
    augmentation: Augmentation = field(default_factory=Augmentation)
    target_options: TargetOptions = field(default_factory=TargetOptions)


def frame_problems(
    use_two_frames: bool, use_next_frame: bool, targets: Collection[str]
) -> Iterator[str]:
    """Yields a message for each frame that is read but not needed, or the reverse.

    Args:
      use_two_frames: whether examples include the previous frame.
      use_next_frame: whether examples include the next frame.
      targets: names in `TARGETS` that the architecture learns from.
    """
    needed = {NEEDS[name] for name in targets if name in NEEDS}
    for option, given, frame in (
        ("use_two_frames", use_two_frames, "previous"),
        ("use_next_frame", use_next_frame, "next"),
    ):
        if given and frame not in needed:
            yield f"{option}: this architecture uses no {frame} frame; remove it"
        if frame in needed and not given:
            yield f"{option}: this architecture needs the {frame} frame; set it to true"


def chosen_cameras(cameras: tuple[str, ...], info: DatasetInfo) -> tuple[str, ...]:
    """Returns the cameras of a data set to read; empty if it has only one camera.

    Raises:
      ValueError: a camera is unknown or listed twice, or the data set has only one.
    """
    if not cameras:
        return info.camera_names
    if not info.camera_names:
        raise ValueError(
            f"cameras_to_use {list(cameras)}: data set {info.name!r} has only one "
            "camera; remove it"
        )
    unknown = [camera for camera in cameras if camera not in info.camera_names]
    if unknown or len(set(cameras)) < len(cameras):
        raise ValueError(
            f"cameras_to_use {list(cameras)}: choose distinct cameras from "
            f"{', '.join(info.camera_names)}"
        )
    return cameras


def pipeline_config(
    options: DatasetOptions,
    output_stride: int,
    training: bool,
    *,
    image_class: bool = False,
    padding: Pixel = MEAN_PIXEL,
) -> PipelineConfig:
    """Returns the pipeline config of a `DatasetOptions` message.

    Args:
      options: the message.
      output_stride: output stride of the model.
      training: whether examples are augmented.
      image_class: whether an image has a single class instead of a label map.
      padding: see `Resizing`.

    Raises:
      ValueError: an option is out of range.
    """
    # Published configs set both even when small instances do not get extra weight.
    threshold = options.small_instance_threshold
    weight = options.small_instance_weight
    small = options.increase_small_instance_weights
    return PipelineConfig(
        file_patterns=tuple(options.file_pattern),
        resizing=_resizing(options, output_stride, padding),
        has_labels=options.decode_groundtruth_label,
        previous_frame=options.use_two_frames,
        next_frame=options.use_next_frame,
        image_class=image_class,
        cameras=tuple(options.cameras_to_use),
        augmentation=_augmentation(options.augmentations)
        if training
        else Augmentation(),
        target_options=TargetOptions(
            sigma=options.sigma,
            small_instance_threshold=threshold if small else 0,
            small_instance_weight=weight if small else 1.0,
            max_thing_id=_mask_slots(options),
        ),
    )


def _resizing(options: DatasetOptions, output_stride: int, padding: Pixel) -> Resizing:
    crop = tuple(options.crop_size)
    if len(crop) not in (0, 2):
        raise ValueError(f"crop_size {list(crop)}: give height and width")
    return Resizing(
        crop_size=(crop[0], crop[1]) if crop else None,
        output_stride=output_stride,
        min_resize_value=tuple(options.min_resize_value),
        max_resize_value=tuple(options.max_resize_value),
        resize_factor=options.resize_factor,
        padding=padding,
    )


def _mask_slots(options: DatasetOptions) -> int:
    """Returns the maximum number of thing masks per image, 0 if none are needed."""
    slots = options.max_thing_id
    if not options.thing_id_mask_annotations:
        return 0
    if slots < 1:
        raise ValueError(f"max_thing_id {slots}: must be at least 1")
    return slots


def _augmentation(options: DatasetOptions.AugmentationOptions) -> Augmentation:
    return Augmentation(
        min_scale=options.min_scale_factor,
        max_scale=options.max_scale_factor,
        scale_step=options.scale_factor_step_size,
        flip=options.random_flip,
        policy=options.autoaugment_policy_name,
        colors=ColorRanges(
            brightness=options.brightness_delta,
            contrast=options.contrast_delta,
            saturation=options.saturation_delta,
            hue=options.hue_delta,
        ),
        copy_paste=_copy_paste(options),
    )


def _copy_paste(options: DatasetOptions.AugmentationOptions) -> CopyPaste:
    if not options.HasField("panoptic_copy_paste"):
        return CopyPaste()
    given = options.panoptic_copy_paste
    return CopyPaste(
        scale=given.panoptic_copy_paste_scale,
        things=given.panoptic_copy_paste_thing_option,
        stuff=given.panoptic_copy_paste_stuff_option,
        void=given.panoptic_copy_paste_void_option,
    )
