"""Selects the devices of a run: the CPU, one or more GPUs of a machine, or a TPU."""

from __future__ import annotations

import tensorflow as tf


def create_strategy(
    num_gpus: int | None = None, master: str = ""
) -> tf.distribute.Strategy:
    """Returns the distribution strategy for the devices to use.

    Args:
      num_gpus: number of GPUs to use; None uses all available ones, 0 the CPU.
      master: name or address of a TPU; takes precedence.

    Raises:
      ValueError: fewer GPUs are available than asked for.
    """
    if master:
        return _tpu_strategy(master)
    gpus = tf.config.list_physical_devices("GPU")
    if num_gpus is None:
        num_gpus = len(gpus)
    if not 0 <= num_gpus <= len(gpus):
        raise ValueError(
            f"num_gpus {num_gpus}: TensorFlow finds {len(gpus)} on this machine"
            + ("; run `deeplab doctor` to find out why" if not gpus else "")
        )
    chosen = gpus[:num_gpus]
    tf.config.set_visible_devices(chosen, "GPU")
    for gpu in chosen:
        tf.config.experimental.set_memory_growth(gpu, True)
    if num_gpus > 1:
        return tf.distribute.MirroredStrategy(
            [f"/gpu:{index}" for index in range(num_gpus)]
        )
    return tf.distribute.get_strategy()


def describe(strategy: tf.distribute.Strategy) -> str:
    """Returns the devices of a strategy in words: "2 GPUs", "CPU"."""
    count = strategy.num_replicas_in_sync
    if count == 1:
        return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    kind = strategy.extended.worker_devices[0].rsplit(":", 2)[-2]
    return f"{count} {kind}s"


def _tpu_strategy(master: str) -> tf.distribute.Strategy:
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=master)
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)
