"""Resolves the normalisation layers of a network from its config.

Two parts of a config set them: `model_options.norm` and `head_norm` choose the kind,
and the published fields of `solver_options` configure batch normalisation.
"""

from __future__ import annotations

import tensorflow as tf

from deeplab.config import ConfigError
from deeplab.core.specs import NormConfig
from deeplab.layers.norms import NORMS
from deeplab.layers.norms.base import Norm
from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.protos.model_pb2 import ModelOptions, NormOptions
from deeplab.protos.trainer_pb2 import SolverOptions


def network_norms(config: ExperimentOptions) -> tuple[NormConfig, NormConfig]:
    """Returns the norms of the backbone and of the head.

    Only the options that apply to the chosen kinds are read. With a single replica,
    synchronised batch normalisation becomes plain batch normalisation, which is faster.

    Raises:
      ConfigError: the kind is unknown, an option is out of range, or two options
        contradict each other.
    """
    model, solver = config.model_options, config.trainer_options.solver_options
    norm = _norm_config(model.norm, "model_options.norm", solver)
    if not model.HasField("head_norm"):
        return norm, norm
    return norm, _norm_config(model.head_norm, "model_options.head_norm", solver)


def refuse_idle_norms(
    options: ModelOptions, backbone: tf.Module, head: tf.Module
) -> None:
    """Refuses a `norm` or `head_norm` that no layer of a built network uses.

    Raises:
      ConfigError: one of them is set and has no effect.
    """
    own_norm = options.HasField("head_norm")
    if own_norm and not _has_norms(head):
        raise ConfigError(
            "model_options.head_norm has no effect: the head has no norm that it "
            "applies to; remove it"
        )
    parts = [backbone] if own_norm else [backbone, head]
    if options.HasField("norm") and not any(_has_norms(part) for part in parts):
        raise ConfigError(
            f"model_options.norm has no effect: {options.backbone.name} has no norm "
            "that it applies to; remove it"
        )


def _has_norms(network: tf.Module) -> bool:
    return any(isinstance(module, Norm) for module in network.submodules)


def _norm_config(options: NormOptions, place: str, solver: SolverOptions) -> NormConfig:
    kind = _kind(options, place, solver)
    try:
        taken = NORMS.get(kind).options
    except ValueError as error:
        raise ConfigError(f"{place}.kind: {error}") from error
    values = {}
    if "momentum" in taken:
        values["momentum"] = solver.batchnorm_momentum
    if "epsilon" in taken:
        values["epsilon"] = solver.batchnorm_epsilon
    if "groups" in taken:
        values["groups"] = options.groups
        if options.groups < 1:
            raise ConfigError(f"{place}.groups {options.groups}: choose 1 or more")
    single = tf.distribute.get_strategy().num_replicas_in_sync == 1
    return NormConfig(
        kind="batch" if kind == "sync_batch" and single else kind,
        weight_standardization=options.weight_standardization,
        **values,
    )


def _kind(options: NormOptions, place: str, solver: SolverOptions) -> str:
    """Returns the kind of norm; `use_sync_batchnorm` must not contradict it."""
    if not options.HasField("kind"):
        return "sync_batch" if solver.use_sync_batchnorm else "batch"
    kind = options.kind
    if kind not in ("batch", "sync_batch"):
        return kind
    synchronized = kind == "sync_batch"
    if (
        solver.HasField("use_sync_batchnorm")
        and solver.use_sync_batchnorm != synchronized
    ):
        raise ConfigError(
            f"{place}.kind {kind!r} contradicts trainer_options.solver_options."
            f"use_sync_batchnorm {str(solver.use_sync_batchnorm).lower()}: remove one"
        )
    return kind
