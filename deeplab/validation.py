"""Checks a whole config, both before and after everything is built from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import tensorflow as tf
from absl import logging

from deeplab import factory
from deeplab.backbones import BACKBONES
from deeplab.config import ConfigError
from deeplab.data.pipeline_config import frame_problems
from deeplab.heads.architecture import Architecture
from deeplab.input_normalization import INPUT_NORMALIZATIONS
from deeplab.loss_plan import PATH as LOSS_OPTIONS
from deeplab.loss_plan import published_terms
from deeplab.plan import ExperimentPlan, dataset_info, resolve
from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.protos.dataset_pb2 import DatasetOptions
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.read_tracker import unread_fields

OUTPUT_STRIDES = (8, 16, 32)

# Fields of published configs whose value makes no difference here.
_SAME_RESULT = {
    "evaluator_options.merge_semantic_and_instance_with_tf_op": (
        "both values use the same exact and fast merge"
    ),
}


# Fields that only one mode reads, although every published config sets them.
_OTHER_MODES = ("evaluator_options.continuous_eval_timeout",)


def validate(
    config: ExperimentOptions, mode: str, num_replicas: int = 1
) -> ExperimentPlan:
    """Checks a config before anything expensive is built, and returns its plan.

    Args:
      config: the experiment.
      mode: "train", "eval", "train_and_eval" or "continuous_eval".
      num_replicas: number of devices that share a batch.

    Raises:
      ConfigError: the config is invalid; the message lists every problem.
    """
    problems = list(_model_problems(config.model_options))
    plan = None
    try:
        plan = resolve(config)
    except ValueError as error:
        problems.insert(0, str(error))
    if plan and "train" in mode:
        problems += _loss_problems(plan)
    if "train" in mode:
        problems += _dataset_problems(
            config, plan, "train_dataset_options", num_replicas
        )
    if "eval" in mode:
        # Evaluation can split a batch of any size.
        problems += _dataset_problems(config, plan, "eval_dataset_options", 1)
    if plan is None or problems:
        raise ConfigError(
            "this config cannot run:\n" + "\n".join(f"  - {p}" for p in problems)
        )
    return plan


def refuse_unread(plan: ExperimentPlan, sections: Iterable[str]) -> None:
    """Checks that every field set in `sections` of a config has been read.

    Call it after everything is built. Fields without effect on this architecture are
    logged, one line each.

    Args:
      plan: plan of a tracked config.
      sections: top-level fields of the config to check.

    Raises:
      ConfigError: the config sets fields that nothing read; the message lists them.
    """
    without_effect = plan.architecture.selection.without_effect
    refused = []
    for path in unread_fields(plan.config, sections):
        if path in _SAME_RESULT:
            logging.info("%s has no effect: %s", path, _SAME_RESULT[path])
        elif is_part_of(path, without_effect):
            logging.info("%s has no effect on this architecture", path)
        elif path not in _OTHER_MODES:
            refused.append(path)
    if refused:
        raise ConfigError(
            "the config sets fields that this experiment does not use; remove them: "
            + ", ".join(refused)
        )


def is_part_of(path: str, fields: Iterable[str]) -> bool:
    """Returns whether a path in a config is one of the fields, or inside one."""
    return any(path == f or path.startswith((f"{f}.", f"{f}[")) for f in fields)


def _model_problems(options: ModelOptions) -> Iterator[str]:
    for registry, name, field in (
        (BACKBONES, options.backbone.name, "backbone.name"),
        (INPUT_NORMALIZATIONS, options.input_normalization, "input_normalization"),
    ):
        try:
            registry.get(name)
        except ValueError as error:
            yield f"model_options.{field}: {error}"
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


def _loss_problems(plan: ExperimentPlan) -> Iterator[str]:
    known = plan.architecture.learning.terms
    without_effect = plan.architecture.selection.without_effect
    given = published_terms(plan.config.trainer_options.loss_options)
    extra = plan.config.trainer_options.loss_options.extra_loss
    if given and not extra and not any(name in known for name in given):
        yield f"{LOSS_OPTIONS}: set at least one of {', '.join(known)}"
    for name in given:
        if name not in known and f"{LOSS_OPTIONS}.{name}" not in without_effect:
            yield (
                f"{LOSS_OPTIONS}.{name}: this architecture has no such output; its "
                f"losses: {', '.join(known)}"
            )


def _dataset_problems(
    config: ExperimentOptions,
    plan: ExperimentPlan | None,
    section: str,
    num_replicas: int,
) -> Iterator[str]:
    options: DatasetOptions = getattr(config, section)
    yield from _crop_problems(
        tuple(options.crop_size), config.model_options.backbone.output_stride, section
    )
    if options.batch_size % num_replicas or options.batch_size < 1:
        yield (
            f"{section}.batch_size {options.batch_size}: choose a positive multiple of "
            f"the number of replicas, {num_replicas}"
        )
    if plan is not None:
        for problem in _target_problems(plan.architecture, options):
            yield f"{section}.{problem}"
    try:
        info = dataset_info(options)
    except ValueError as error:
        yield f"{section}.dataset: {error}"
    else:
        if plan is not None and plan.num_classes not in (0, info.num_classes):
            yield (
                f"model_options: the semantic output has {plan.num_classes} channels, "
                f"but data set {info.name!r} has {info.num_classes} classes"
            )
    if not options.file_pattern:
        yield f"{section}.file_pattern: it is empty; name the files to read"
    for pattern in options.file_pattern:
        if not tf.io.gfile.glob(pattern):
            yield f"{section}.file_pattern: no file matches {pattern!r}"


def _target_problems(
    architecture: Architecture, options: DatasetOptions
) -> Iterator[str]:
    targets = architecture.learning.targets
    yield from frame_problems(options.use_two_frames, options.use_next_frame, targets)
    annotated = options.thing_id_mask_annotations
    field = "thing_id_mask_annotations"
    if annotated and "thing_masks" not in targets:
        yield f"{field}: this architecture predicts no masks; leave it out"
    if not annotated and "thing_masks" in targets:
        yield f"{field}: this architecture learns masks; set it to true"


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
