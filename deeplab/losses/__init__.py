"""Loss terms. Each is a builder by the name of its field in `LossOptions`.

`LOSSES.get(field)(options, info)` returns a term of `TermOptions`: `term(example,
output)` gives the unweighted loss of each sample of the batch.
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
