"""Loss terms. Each is a builder by the name of its field in `LossOptions`.

`LOSSES.get(field)(options, info)` returns a term: `term(example, output)` gives the
unweighted loss of each sample of the batch.
"""

from collections.abc import Callable
from typing import Any

from deeplab.core.dataset_info import DatasetInfo
from deeplab.losses.base import LossTerm
from deeplab.registry import Registry

LOSSES: Registry[Callable[[Any, DatasetInfo], LossTerm]] = Registry(
    "loss",
    __name__,
    [
        "cross_entropy",
        "regression",
    ],
)
