"""Checks of a whole config: before anything is built, and after everything is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf
from absl import logging

from deeplab import factory
from deeplab.backbones import BACKBONES
from deeplab.config import ConfigError, ReadTracker
from deeplab.data.pipeline_config import frame_problems
from deeplab.families import family_of

OUTPUT_STRIDES = (8, 16, 32)

# Fields of published configs whose every value gives the same result here.
_ONE_BEHAVIOUR = {
    "evaluator_options.merge_semantic_and_instance_with_tf_op": (
        "one merge, exact and fast, serves both values"
    ),
}


def validate(config: Any, mode: str, num_replicas: int = 1) -> None:
    """Checks a config before anything heavy is built.

    Args:
      config: an `ExperimentOptions` message.
      mode: "train", "eval", "train_and_eval" or "continuous_eval".
      num_replicas: devices that share a batch.

    Raises:
      ConfigError: lists everything that is wrong.
    """
    problems = list(_model_problems(config))
    if "train" in mode:
        problems += _loss_problems(config)
        problems += _dataset_problems(config, "train_dataset_options", num_replicas)
    if "eval" in mode:
        # Evaluation shares out batches of any size.
        problems += _dataset_problems(config, "eval_dataset_options", 1)
    if problems:
        raise ConfigError(
            "this config cannot run:\n" + "\n".join(f"  - {p}" for p in problems)
        )


def refuse_unread(config: ReadTracker, sections: Iterable[str]) -> None:
    """Checks that every field set in `sections` of a config has been read.

    Call it when everything is built. Fields that cannot change anything for this
    architecture are logged, one line each.

    Raises:
      ConfigError: a field is set that nothing read; the message names it.
    """
    family = family_of(config.model_options)
    refused = []
    for path in config.unread(sections):
        if path in _ONE_BEHAVIOUR:
            logging.info("%s has no effect: %s", path, _ONE_BEHAVIOUR[path])
        elif is_part_of(path, family.without_effect):
            logging.info("%s has no effect on this architecture", path)
        else:
            refused.append(path)
    if refused:
        raise ConfigError(
            "the config sets fields that this experiment does not use; remove them: "
            + ", ".join(refused)
        )


def is_part_of(path: str, fields: Iterable[str]) -> bool:
    """Returns whether a path of a config is one of the fields, or lies in one."""
    return any(path == f or path.startswith((f"{f}.", f"{f}[")) for f in fields)


def _model_problems(config: Any) -> Iterator[str]:
    options = config.model_options
    try:
        family_of(options)
    except ValueError as error:
        yield str(error)
    try:
        BACKBONES.get(options.backbone.name)
    except ValueError as error:
        yield f"model_options.backbone.name: {error}"
    if options.backbone.output_stride not in OUTPUT_STRIDES:
        yield (
            f"model_options.backbone.output_stride {options.backbone.output_stride}: "
            f"choose one of {OUTPUT_STRIDES}"
        )
    if options.precision not in factory.PRECISIONS:
        yield (
            f"model_options.precision {options.precision!r}: choose one of "
            f"{', '.join(factory.PRECISIONS)}"
        )


def _loss_problems(config: Any) -> Iterator[str]:
    try:
        family = family_of(config.model_options)
    except ValueError:
        return  # Reported with the model.
    options = config.trainer_options.loss_options
    prefix = "trainer_options.loss_options"
    fields = [
        name for name in options.DESCRIPTOR.fields_by_name if name != "extra_loss"
    ]
    present = [name for name in fields if options.HasField(name)]
    if not any(name in family.losses for name in present):
        yield f"{prefix}: set at least one of {', '.join(family.losses)}"
    for name in present:
        if (
            name not in family.losses
            and f"{prefix}.{name}" not in family.without_effect
        ):
            yield (
                f"{prefix}.{name}: this architecture has no such output; its losses: "
                f"{', '.join(family.losses)}"
            )


def _dataset_problems(config: Any, section: str, num_replicas: int) -> Iterator[str]:
    options = getattr(config, section)
    yield from _crop_problems(
        tuple(options.crop_size), config.model_options.backbone.output_stride, section
    )
    if options.batch_size % num_replicas or options.batch_size < 1:
        yield (
            f"{section}.batch_size {options.batch_size}: it is shared by "
            f"{num_replicas} replicas; choose a multiple"
        )
    yield from _frame_problems(config, section)
    try:
        info = factory.dataset_info(options)
    except ValueError as error:
        yield f"{section}.dataset: {error}"
    else:
        classes = factory.configured_classes(config.model_options)
        if classes and classes != info.num_classes:
            yield (
                f"model_options: the semantic output has {classes} channels, but data "
                f"set {info.name!r} has {info.num_classes} classes"
            )
    yield from _mask_problems(config, options, section)
    if not options.file_pattern:
        yield f"{section}.file_pattern: no files are named"
    for pattern in options.file_pattern:
        if not tf.io.gfile.glob(pattern):
            yield f"{section}.file_pattern: no file matches {pattern!r}"


def _mask_problems(config: Any, options: Any, section: str) -> Iterator[str]:
    try:
        family = family_of(config.model_options)
    except ValueError:
        return  # Reported with the model.
    annotated = options.thing_id_mask_annotations
    field = f"{section}.thing_id_mask_annotations"
    if annotated and "thing_masks" not in family.targets:
        yield f"{field}: this architecture predicts no masks; leave it out"
    if not annotated and "thing_masks" in family.targets:
        yield f"{field}: this architecture learns masks; set it to true"


def _frame_problems(config: Any, section: str) -> Iterator[str]:
    try:
        targets = family_of(config.model_options).targets
    except ValueError:
        return  # Reported with the model.
    options = getattr(config, section)
    for problem in frame_problems(
        options.use_two_frames, options.use_next_frame, targets
    ):
        yield f"{section}.{problem}"


def _crop_problems(crop: tuple[int, ...], stride: int, section: str) -> Iterator[str]:
    if len(crop) != 2:
        yield f"{section}.crop_size: give height and width, not {list(crop)}"
        return
    for size in crop:
        if size <= 1 or (stride > 0 and (size - 1) % stride):
            below = max(1, (size - 1) // stride) * stride + 1
            yield (
                f"{section}.crop_size {size}: it must be k * output_stride + 1, with "
                f"output_stride {stride}: {below} or {below + stride}"
            )
