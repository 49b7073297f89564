"""From records to batches of training or evaluation examples.

Everything random is a function of the seed and the number of the example: the same
seed gives the same batches, on any number of hosts and threads, and a pipeline whose
iterator is restored from a checkpoint goes on with the very next example.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.batches import in_two_parts, padding_values
from deeplab.data.evaluation_examples import EvaluationExamples
from deeplab.data.example_source import ExampleSource, wanted_parts
from deeplab.data.example_targets import ExampleTargets
from deeplab.data.pipeline_checks import check_pipeline
from deeplab.data.pipeline_config import PipelineConfig
from deeplab.data.reader import example_numbers, index_records
from deeplab.data.training_examples import TrainingExamples

_PREFETCHED_BATCHES = 2


def build_pipeline(
    config: PipelineConfig,
    info: DatasetInfo,
    *,
    training: bool,
    targets: Sequence[str],
    batch_size: int,
    seed: int,
    first_batch: int = 0,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Builds the pipeline of one split.

    Args:
      config: where the examples come from, and their size.
      info: what the labels mean.
      training: endless, shuffled, augmented, crops of one size. Otherwise one pass in
        the order of the files: whole images, with their labels as stored besides,
        each padded to the largest of its batch; the last batch may be smaller.
      targets: names in `TARGETS`.
      batch_size: images of a global batch, over all replicas.
      seed: of order and augmentation.
      first_batch: the batch to start with, in training: a run that was stopped after
        n batches goes on with batch n, without reading those before.
      input_context: which part of each batch to deliver, under a distribution
        strategy that builds one pipeline per host; batches are then those of one
        replica.

    Returns:
      A data set of `Batch`es with the fields of `Example`, absent ones left out.

    Raises:
      FileNotFoundError: a pattern matches no file.
      ValueError: a file is damaged, options do not fit each other, or the records
        lack a frame, a label or a depth that the targets need.
    """
    index = index_records(config.file_patterns)
    wanted = wanted_parts(config, info, targets)
    check_pipeline(config, wanted, targets, training)
    source = ExampleSource(index, wanted, info)
    source.check()
    numbers = example_numbers(
        len(source),
        training=training,
        batch_size=batch_size,
        first_batch=first_batch,
        input_context=input_context,
    )
    make_targets = ExampleTargets(targets, config, info)
    if training:
        make = TrainingExamples(source, config, info, make_targets, seed).make
    else:
        make = EvaluationExamples(source, config, info, make_targets).make
    examples = numbers.map(
        # Plain graph code: rewriting it would only take time.
        tf.autograph.experimental.do_not_convert(lambda n: in_two_parts(make(n))),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if input_context:
        batch_size = input_context.get_per_replica_batch_size(batch_size)
    if training:
        batches = examples.batch(batch_size, drop_remainder=True)
    else:
        spec: Any = examples.element_spec
        batches = examples.padded_batch(
            batch_size, padding_values=padding_values(spec, info)
        )
    # A fixed number: batches of large crops take gigabytes when more are kept.
    return batches.prefetch(_PREFETCHED_BATCHES).with_options(_options())


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # A checkpoint holds the position, not the images that are under way.
    options.experimental_symbolic_checkpoint = True
    # Reading a record counts as stateful, although it depends on its number alone.
    options.experimental_external_state_policy = (
        tf.data.experimental.ExternalStatePolicy.IGNORE
    )
    # Whole examples side by side are faster than the parts of one.
    options.threading.max_intra_op_parallelism = 1
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    return options
