"""Builds the parts of an experiment from its config: pipeline, model, losses, metrics.

The parts themselves take plain arguments. Every function here takes a config or its
plan; see `deeplab.plan.resolve`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf
import tf_keras

from deeplab.backbones import BACKBONES
from deeplab.config import ConfigError
from deeplab.data.geometry import (
    Pixel,
    Resizing,
    preprocess_for_inference,
)
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import pipeline_config
from deeplab.input_normalization import INPUT_NORMALIZATIONS
from deeplab.loss_plan import auxiliary_losses, loss_terms
from deeplab.losses import LOSSES
from deeplab.losses.composite import CompositeLoss
from deeplab.metrics import METRICS
from deeplab.metrics.base import Metric
from deeplab.models.deeplab import DeepLab
from deeplab.models.forward_passes import FORWARD_PASSES
from deeplab.models.network import Network
from deeplab.models.scales import InferenceScales, TrainingScales
from deeplab.models.video import VIDEO_STATES
from deeplab.network_norms import network_norms, refuse_idle_norms
from deeplab.plan import ExperimentPlan, dataset_info, resolve
from deeplab.postprocess import POSTPROCESSORS
from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.protos.dataset_pb2 import DatasetOptions

Config = ExperimentOptions | ExperimentPlan

PRECISIONS = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


def build_model(config: Config, *, bfloat16_weights: bool = False) -> DeepLab:
    """Builds the Keras model of a config, with all its variables.

    Call it inside the scope of the distribution strategy, if there is one.

    Args:
      config: the experiment.
      bfloat16_weights: whether to build a model for inference with 16-bit weights,
        except in batch normalisation, whatever precision the config sets.

    Returns:
      A model with `checkpoint_items`. `model(images, training=False)` takes
      `[b, h, w, 3]` images, 0 to 255, and returns a `Prediction`; with
      `training=True` it returns `Outputs` at input size.

    Raises:
      ValueError: an option is unknown or contradicts another.
    """
    plan = resolve(config)
    options, evaluator = plan.config.model_options, plan.config.evaluator_options
    policy = "bfloat16" if bfloat16_weights else _policy(options.precision)
    frames = plan.architecture.frames
    with _precision(policy):
        model = DeepLab(
            network=_network(plan),
            normalize=INPUT_NORMALIZATIONS.get(options.input_normalization),
            postprocess=POSTPROCESSORS.get(plan.architecture.evaluation.postprocessor)(
                evaluator, plan.info
            ),
            inference=InferenceScales(
                tuple(evaluator.eval_scales) or (1.0,),
                add_flipped=evaluator.add_flipped_images,
            ),
            training=TrainingScales(options.training_scales),
            video_state=VIDEO_STATES.get(frames.video_state)
            if frames.video_state
            else None,
            jit_compile=options.jit_compile,
        )
        side = 2 * options.backbone.output_stride + 1
        model(tf.zeros([1, side, side, model.input_channels]), training=False)
    refuse_idle_norms(options, model.backbone, model.head)
    return model


def _network(plan: ExperimentPlan) -> Network:
    options, frames = plan.config.model_options, plan.architecture.frames
    norm, head_norm = network_norms(plan.config)
    backbone = BACKBONES.get(options.backbone.name)(options, norm)
    crop = tuple(plan.config.train_dataset_options.crop_size)
    return Network(
        backbone=backbone,
        head=plan.architecture.build_head(
            options, backbone.feature_specs, head_norm, plan.info
        ),
        forward_pass=FORWARD_PASSES.get(frames.forward),
        input_channels=frames.input_channels,
        train_crop_size=(crop[0], crop[1]) if crop else None,
    )


def build_loss(config: Config, auxiliary_outputs: Sequence[str] = ()) -> CompositeLoss:
    """Builds the weighted sum of the loss terms of a config.

    Args:
      config: the experiment.
      auxiliary_outputs: names of the auxiliary outputs that the model returns during
        training.

    Raises:
      ValueError: a term or an auxiliary output is unknown.
    """
    plan = resolve(config)
    options = loss_terms(plan)
    terms = {
        name: (term.weight, LOSSES.get(name)(term, plan.info))
        for name, term in options.items()
    }
    auxiliary = auxiliary_losses(plan, list(options), auxiliary_outputs)
    return CompositeLoss(terms, auxiliary=auxiliary)


def build_metrics(config: Config) -> dict[str, Metric]:
    """Builds the metrics of a config's architecture and its extra metrics, by name.

    Raises:
      ValueError: a metric is unknown.
    """
    plan = resolve(config)
    info = dataset_info(plan.config.eval_dataset_options)
    options = plan.config.evaluator_options
    names = (*plan.architecture.evaluation.metrics, *options.extra_metrics)
    return {name: METRICS.get(name)(info, options) for name in names}


def build_train_pipeline(
    config: Config,
    input_context: tf.distribute.InputContext | None = None,
    first_batch: int = 0,
) -> tf.data.Dataset:
    """Builds the infinite, shuffled, augmented pipeline of the training data.

    The pipeline starts at batch number `first_batch`.
    """
    plan = resolve(config)
    return _build_pipeline(
        plan, plan.config.train_dataset_options, True, input_context, first_batch
    )


def build_eval_pipeline(
    config: Config, input_context: tf.distribute.InputContext | None = None
) -> tf.data.Dataset:
    """Builds the pipeline of one pass over the evaluation data, in file order."""
    plan = resolve(config)
    return _build_pipeline(plan, plan.config.eval_dataset_options, False, input_context)


def build_preprocess(
    config: Config,
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns the preprocessing that evaluation and exported models share.

    Returns:
      A function of an `[H, W, 3]` image; see `geometry.preprocess_for_inference`.
    """
    return functools.partial(preprocess_for_inference, resizing=_resizing(config))


def _resizing(config: Config) -> Resizing:
    plan = resolve(config)
    stride = plan.config.model_options.backbone.output_stride
    padding = _padding(plan)
    return pipeline_config(plan.data, stride, training=False, padding=padding).resizing


def _padding(plan: ExperimentPlan) -> Pixel:
    name = plan.config.model_options.input_normalization
    return INPUT_NORMALIZATIONS.get(name).mean_pixel


def _policy(precision: str) -> str:
    if precision not in PRECISIONS:
        raise ConfigError(
            f"model_options.precision {precision!r}: choose one of "
            f"{', '.join(PRECISIONS)}"
        )
    return PRECISIONS[precision]


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        yield
    finally:
        tf_keras.mixed_precision.set_global_policy(before)


def _build_pipeline(
    plan: ExperimentPlan,
    options: DatasetOptions,
    training: bool,
    input_context: tf.distribute.InputContext | None,
    first_batch: int = 0,
) -> tf.data.Dataset:
    stride = plan.config.model_options.backbone.output_stride
    learning = plan.architecture.learning
    return build_pipeline(
        pipeline_config(
            options,
            stride,
            training,
            image_class=learning.image_class,
            padding=_padding(plan),
        ),
        dataset_info(options),
        training=training,
        targets=learning.targets,
        batch_size=options.batch_size,
        seed=plan.config.seed,
        first_batch=first_batch,
        input_context=input_context,
    )
