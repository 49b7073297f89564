"""Loss terms, registered under the names of their fields in `LossOptions`.

`LOSSES.get(field)(options, info)` builds a term from `TermOptions`; `term(example,
output)` returns the unweighted loss of each sample in the batch.
"""

from collections.abc import Callable

from deeplab.core.dataset_info import DatasetInfo
from deeplab.losses.base import LossTerm, TermOptions
from deeplab.registry import Registry

LOSSES: Registry[Callable[[TermOptions, DatasetInfo], LossTerm]] = Registry(
    "loss",
    __name__,
    [
        "cross_entropy",
        "depth",
        "image_class",
        "instance_discrimination",
        "mask_id",
        "pq_style",
        "regression",
    ],
)
