"""From records to batches of training or evaluation examples.

All randomness is a function of the seed and the number of the example: the same seed
gives the same batches on any number of hosts and threads, and a pipeline whose iterator
is restored from a checkpoint continues with the very next example.
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
      config: where the examples come from, and how they are processed.
      info: the data set.
      training: whether to yield an endless, shuffled stream of augmented crops of one
        size. Otherwise the pipeline makes one pass in the order of the files over whole
        images, each padded to the largest of its batch, together with their labels as
        stored; the last batch may be smaller.
      targets: names in `TARGETS`.
      batch_size: images of a global batch, over all replicas.
      seed: seed of the order and the augmentation.
      first_batch: the first batch to yield in training: a run that was stopped after
        n batches continues with batch n, without reading the earlier ones.
      input_context: which part of each batch to yield, under a distribution strategy
        that builds one pipeline per host; batches are then those of one replica.

    Returns:
      A `tf.data.Dataset` of `Batch`es with the fields of `Example`; absent fields are
      left out.

    Raises:
      FileNotFoundError: a pattern matches no file.
      ValueError: a file is corrupt, options conflict, or the records lack a frame,
        label or depth map that the targets need.
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
        # Plain graph code: AutoGraph would only take time.
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
    # A fixed number: more batches of large crops would take gigabytes.
    return batches.prefetch(_PREFETCHED_BATCHES).with_options(_options())


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # A checkpoint stores the position, not the images in flight.
    options.experimental_symbolic_checkpoint = True
    # Reading a record counts as stateful, although it depends only on its number.
    options.experimental_external_state_policy = (
        tf.data.experimental.ExternalStatePolicy.IGNORE
    )
    # Parallelism across examples is faster than within one.
    options.threading.max_intra_op_parallelism = 1
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    return options
