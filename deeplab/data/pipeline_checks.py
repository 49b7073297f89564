"""Checks the options of a pipeline for conflicts before anything is read."""

from __future__ import annotations

from collections.abc import Sequence

from deeplab.data.autoaugment import find_policy
from deeplab.data.parsed_example import Wanted
from deeplab.data.pipeline_config import PipelineConfig, frame_problems


def check_pipeline(
    config: PipelineConfig, wanted: Wanted, targets: Sequence[str], training: bool
) -> None:
    """Rejects a pipeline whose options conflict.

    Args:
      config: the pipeline's options.
      wanted: the parts of a record that it reads.
      targets: names in `TARGETS`.
      training: whether examples are random crops.

    Raises:
      ValueError: options conflict; the message names them.
    """
    for problem in frame_problems(config.previous_frame, config.next_frame, targets):
        raise ValueError(problem)
    if wanted.previous and wanted.cameras:
        raise ValueError("use_two_frames: multi-camera records have no previous frame")
    if wanted.depth and config.resizing.changes_sizes:
        # Depth depends on the focal length; as published, it is not converted.
        raise ValueError(
            "min_resize_value, max_resize_value and resize_factor: images with depth "
            "cannot be resized; remove these options"
        )
    if training:
        _check_training(config, wanted)


def _check_training(config: PipelineConfig, wanted: Wanted) -> None:
    augmentation = config.augmentation
    if config.resizing.crop_size is None:
        raise ValueError("crop_size: training needs the height and width of a crop")
    if not config.has_labels:
        raise ValueError("decode_groundtruth_label is false: training needs labels")
    if augmentation.policy:
        find_policy(augmentation.policy)
    frames = wanted.previous or wanted.next or wanted.depth
    if augmentation.copy_paste.scale and frames:
        raise ValueError(
            "panoptic_copy_paste works only on single images without depth; remove it"
        )
    if augmentation.copy_paste.scale and wanted.class_id:
        raise ValueError(
            "panoptic_copy_paste: images with one class have no segments; remove it"
        )
