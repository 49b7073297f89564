"""Separates weights from bookkeeping: optimizer slots, counters, state of a run."""

from __future__ import annotations

from collections.abc import Iterable

# First components of the keys that TensorFlow and our own runs save besides a model.
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
    """Returns the sorted keys of the weights, without those of bookkeeping.

    Keys below the key of a weight belong to values derived from it: optimizer slots
    (`conv/kernel/.OPTIMIZER_SLOT/...`, `conv/kernel/Momentum`) and averages.
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
