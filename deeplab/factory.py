"""From an experiment config to its parts: pipeline, model, losses, metrics.

The only reader of a whole `ExperimentOptions`; what it builds takes plain
arguments.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tf_keras

from deeplab.backbones import BACKBONES
from deeplab.config import ConfigError, ReadTracker, description_dict
from deeplab.core.dataset_info import (
    UNNAMED,
    ClassInfo,
    DatasetInfo,
    described_dataset,
    distinct_color,
)
from deeplab.core.specs import NormConfig
from deeplab.data.geometry import (
    Resizing,
    inference_sizes,
    preprocess_for_inference,
)
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import pipeline_config
from deeplab.datasets import DATASETS
from deeplab.families import family_of
from deeplab.heads import HEADS
from deeplab.losses import LOSSES
from deeplab.losses.base import TermOptions
from deeplab.losses.composite import CompositeLoss
from deeplab.metrics import METRICS
from deeplab.metrics.base import Metric
from deeplab.models import MODELS
from deeplab.postprocess import POSTPROCESSORS

PRECISIONS = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


def dataset_info(options: Any) -> DatasetInfo:
    """Returns the data set that `DatasetOptions` name or describe.

    Raises:
      ValueError: the name is unknown or the description does not hold together.
    """
    if options.HasField("dataset_description"):
        description = options.dataset_description
        tracked = isinstance(description, ReadTracker)
        message = description.read_whole() if tracked else description
        return described_dataset(
            options.dataset or "described", description_dict(message)
        )
    return DATASETS.get(options.dataset)().info


def experiment_dataset(config: Any) -> DatasetInfo:
    """Returns the data set that the model of a config is made for.

    The training data set, or the evaluation one where there is no other. Where none
    is named, a model with 19 classes is for Cityscapes, as the published examples
    are; others get numbered classes, as many as the model has, and what Cityscapes
    has beside.
    """
    for options in (config.train_dataset_options, config.eval_dataset_options):
        if options.dataset or options.HasField("dataset_description"):
            return dataset_info(options)
    count = configured_classes(config.model_options)
    cityscapes = DATASETS.get("cityscapes_panoptic")().info
    if count == cityscapes.num_classes:
        return cityscapes
    classes = tuple(
        ClassInfo(i, f"class {i}", False, distinct_color(i, count), i)
        for i in range(count)
    )
    return DatasetInfo(UNNAMED, classes, count, ignore_label=255, label_divisor=1000)


def build_model(config: Any, *, bfloat16_weights: bool = False) -> tf_keras.Model:
    """Builds the Keras model of a config, with all its variables.

    Call it inside the scope of the distribution strategy, if there is one.

    Args:
      config: an `ExperimentOptions` message.
      bfloat16_weights: makes a model for inference whose weights have 16 bits,
        batch normalisation excepted, whatever precision the config says.

    Returns:
      A model with `checkpoint_items`. `model(images, training=False)` takes
      `[b, h, w, 3]` images, 0 to 255, and returns a `Prediction`;
      `training=True` returns the head's output at input size.

    Raises:
      ValueError: an option is unknown or does not fit the others.
    """
    options = config.model_options
    family = family_of(options)
    info = experiment_dataset(config)
    norm = _norm_config(config.trainer_options.solver_options)
    policy = "bfloat16" if bfloat16_weights else _policy(options.precision)
    with _precision(policy):
        backbone = BACKBONES.get(options.backbone.name)(options, norm)
        head = HEADS.get(family.head)(options, backbone.feature_specs, norm, info)
        model = MODELS.get(family.model)(
            backbone=backbone,
            head=head,
            postprocess=POSTPROCESSORS.get(family.postprocessor)(
                config.evaluator_options, info
            ),
            train_crop_size=tuple(config.train_dataset_options.crop_size) or None,
            eval_scales=tuple(config.evaluator_options.eval_scales) or (1.0,),
            add_flipped_images=config.evaluator_options.add_flipped_images,
            jit_compile=options.jit_compile,
        )
        side = 2 * options.backbone.output_stride + 1
        model(tf.zeros([1, side, side, model.input_channels]), training=False)
    return model


def build_loss(config: Any, auxiliary_outputs: int = 0) -> CompositeLoss:
    """Builds the weighted sum of the loss terms that a config sets.

    Args:
      config: an `ExperimentOptions` message.
      auxiliary_outputs: how many outputs of earlier decoder layers the head returns
        in training.

    Raises:
      ValueError: the config sets no loss that its architecture has.
    """
    info = experiment_dataset(config)
    family = family_of(config.model_options)
    options = config.trainer_options.loss_options
    chosen = [
        (name, getattr(options, name))
        for name in family.losses
        if options.HasField(name)
    ]
    chosen += [(extra.name, extra) for extra in options.extra_loss]
    if not chosen:
        raise ConfigError(
            "trainer_options.loss_options: no loss is set; this architecture has: "
            f"{', '.join(family.losses)}"
        )
    terms = {}
    for name, term in chosen:
        build = LOSSES.get(name)
        terms[name] = (term.weight, build(_term_options(config, name, term), info))
    return CompositeLoss(terms, auxiliary_outputs=auxiliary_outputs)


def _term_options(config: Any, name: str, term: Any) -> TermOptions:
    """Returns what a config says of a loss, in the loss's message and elsewhere."""
    sampling = {}
    start = family_of(config.model_options).sampled_losses.get(name)
    if start is not None:
        options = config.model_options
        head = getattr(options, options.WhichOneof("meta_architecture"))
        for ending in ("sample_k", "sample_temperature"):
            sampling[ending] = getattr(head, f"{start}_{ending}")
    return TermOptions(
        name=term.name,
        weight=term.weight,
        top_k_percent=term.top_k_percent,
        **sampling,
    )


def build_metrics(config: Any) -> dict[str, Metric]:
    """Builds the metrics of a config's architecture and its further ones, by name.

    Raises:
      ValueError: a metric is unknown.
    """
    info = dataset_info(config.eval_dataset_options)
    options = config.evaluator_options
    names = (*family_of(config.model_options).metrics, *options.extra_metrics)
    return {name: METRICS.get(name)(info, options) for name in names}


def main_metric(config: Any) -> str:
    """Returns the logged name of the metric that picks the best checkpoint."""
    return (
        config.trainer_options.best_checkpoint_metric
        or family_of(config.model_options).main_metric
    )


def build_train_pipeline(
    config: Any,
    input_context: tf.distribute.InputContext | None = None,
    first_batch: int = 0,
) -> tf.data.Dataset:
    """Builds the endless, shuffled, augmented pipeline of the training data.

    It starts with the batch numbered `first_batch`.
    """
    return _build_pipeline(
        config, config.train_dataset_options, True, input_context, first_batch
    )


def build_eval_pipeline(
    config: Any, input_context: tf.distribute.InputContext | None = None
) -> tf.data.Dataset:
    """Builds one pass over the evaluation data, in the order of the files."""
    return _build_pipeline(config, config.eval_dataset_options, False, input_context)


def build_preprocess(
    config: Any,
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns what evaluation does to an image, and therefore an exported model.

    Returns:
      A function of an image `[H, W, 3]`, see `geometry.preprocess_for_inference`.
    """
    return functools.partial(preprocess_for_inference, resizing=_resizing(config))


def build_inference_sizes(
    config: Any,
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns what `build_preprocess` does to the size of an image.

    Returns:
      A function of [2] int32, height and width, see `geometry.inference_sizes`.
    """
    return functools.partial(inference_sizes, resizing=_resizing(config))


def _resizing(config: Any) -> Resizing:
    options = config.eval_dataset_options
    if not config.HasField("eval_dataset_options"):
        options = config.train_dataset_options
    stride = config.model_options.backbone.output_stride
    return pipeline_config(options, stride, training=False).resizing


def configured_classes(options: Any) -> int:
    """Returns the semantic classes that `ModelOptions` name; 0 when they do not."""
    architecture = options.WhichOneof("meta_architecture")
    if architecture is None:
        return 0
    head = getattr(options, architecture)
    fields = head.DESCRIPTOR.fields_by_name
    if "num_classes" in fields:
        return head.num_classes
    if "auxiliary_semantic_head" in fields:
        return head.auxiliary_semantic_head.output_channels
    return head.semantic_head.output_channels


def _norm_config(options: Any) -> NormConfig:
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return NormConfig(
        sync=options.use_sync_batchnorm and replicas > 1,
        momentum=options.batchnorm_momentum,
        epsilon=options.batchnorm_epsilon,
    )


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
    config: Any,
    options: Any,
    training: bool,
    input_context: tf.distribute.InputContext | None,
    first_batch: int = 0,
) -> tf.data.Dataset:
    stride = config.model_options.backbone.output_stride
    family = family_of(config.model_options)
    return build_pipeline(
        pipeline_config(options, stride, training, family.image_class),
        dataset_info(options),
        training=training,
        targets=family.targets,
        batch_size=options.batch_size,
        seed=config.seed,
        first_batch=first_batch,
        input_context=input_context,
    )
