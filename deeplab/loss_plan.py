"""Decides which loss terms apply to which outputs of an experiment.

The architecture provides the defaults for what a config leaves unset; see
`deeplab.heads.architecture`.
"""

from __future__ import annotations

from collections.abc import Sequence

from deeplab.config import ConfigError
from deeplab.core.specs import PixelSampling
from deeplab.heads.architecture import DefaultTerm
from deeplab.losses.base import TermOptions
from deeplab.losses.composite import AuxiliaryLoss
from deeplab.models.scales import SCALE_PREFIX
from deeplab.plan import ExperimentPlan
from deeplab.protos.trainer_pb2 import LossOptions

PATH = "trainer_options.loss_options"
# Fields of `LossOptions` that are not loss terms.
_NOT_TERMS = ("extra_loss", "auxiliary_loss")


def published_terms(options: LossOptions) -> list[str]:
    """Returns the names of the terms that a config sets in fields of their own."""
    fields = [
        name for name in options.DESCRIPTOR.fields_by_name if name not in _NOT_TERMS
    ]
    return [name for name in fields if options.HasField(name)]


def loss_terms(plan: ExperimentPlan) -> dict[str, TermOptions]:
    """Returns the loss terms of a config by name.

    If the config sets none, they are those of the architecture, with the published
    weights.

    Raises:
      ConfigError: a term is set twice.
    """
    options = plan.config.trainer_options.loss_options
    defaults = plan.architecture.learning.terms
    given = published_terms(options)
    terms: dict[str, TermOptions] = {}
    for name, default in defaults.items():
        if name in given:
            terms[name] = _given(getattr(options, name), default, plan)
    for extra in options.extra_loss:
        if extra.name in terms:
            raise ConfigError(f"{PATH}: the term {extra.name!r} is set twice")
        default = defaults.get(extra.name, DefaultTerm())
        terms[extra.name] = _given(extra, default, plan)
    if terms:
        return terms
    return {
        name: TermOptions(
            name=default.kind,
            weight=default.weight,
            reads=default.reads,
            sampling=_sampling(default, plan),
        )
        for name, default in defaults.items()
    }


def auxiliary_losses(
    plan: ExperimentPlan, terms: Sequence[str], outputs: Sequence[str]
) -> dict[str, AuxiliaryLoss]:
    """Returns the losses of each auxiliary output.

    Args:
      plan: the experiment.
      terms: names of the loss terms of the main output.
      outputs: names of the auxiliary outputs that the model returns during training.

    Raises:
      ConfigError: the config names an output that the model does not return.
    """
    options = plan.config.trainer_options.loss_options.auxiliary_loss
    given = {one.output: one for one in options}
    if len(given) < len(options):
        raise ConfigError(f"{PATH}.auxiliary_loss: an output is named twice")
    unknown = sorted(set(given) - set(outputs))
    if unknown:
        raise ConfigError(
            f"{PATH}.auxiliary_loss: the model has no auxiliary output "
            f"{', '.join(map(repr, unknown))}; it has: {', '.join(outputs) or 'none'}"
        )
    losses = {}
    for output in outputs:
        weights, separator = dict.fromkeys(terms, 1.0), "_"
        default = plan.architecture.learning.auxiliary
        if default is not None and not output.startswith(SCALE_PREFIX):
            separator = default.separator
            weights = {n: w for n, w in default.weights.items() if n in terms}
        if output in given:
            if given[output].term:
                weights = dict.fromkeys(given[output].term, 1.0)
            factor = given[output].weight
            weights = {n: w * factor for n, w in weights.items() if factor}
        losses[output] = AuxiliaryLoss(weights, separator)
    return losses


def _given(
    options: LossOptions.SingleLossOptions, default: DefaultTerm, plan: ExperimentPlan
) -> TermOptions:
    return TermOptions(
        name=options.name,
        weight=options.weight,
        top_k_percent=options.top_k_percent,
        reads=default.reads,
        sampling=_sampling(default, plan),
    )


def _sampling(default: DefaultTerm, plan: ExperimentPlan) -> PixelSampling:
    if default.sampling is None:
        return PixelSampling()
    return default.sampling(plan.config.model_options)
