"""What files hold besides weights: optimizer slots, counters, the state of a run."""

from __future__ import annotations

from collections.abc import Iterable

# First parts of keys: what TensorFlow and our own runs save beside a model.
_STATE = frozenset(
    {
        "beta1_power",
        "beta2_power",
        "examples",
        "global_step",
        "loss_count",
        "loss_sums",
        "optimizer",
        "random",
        "save_counter",
    }
)


def weight_keys(keys: Iterable[str]) -> list[str]:
    """Returns the keys of weights, sorted: those of bookkeeping are left out.

    A weight has nothing below it. What lies there was made from it: slots of an
    optimizer (`conv/kernel/.OPTIMIZER_SLOT/...`, `conv/kernel/Momentum`) and averages.
    """
    everything = set(keys)
    return sorted(
        key
        for key in everything
        if key.split("/")[0] not in _STATE
        and not any(parent in everything for parent in _parents(key))
    )


def _parents(key: str) -> Iterable[str]:
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key
