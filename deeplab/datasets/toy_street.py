"""Drawn street scenes: a data set that needs no download."""

from __future__ import annotations

from deeplab.datasets import DATASETS
from deeplab.datasets.base import Dataset, table_info


@DATASETS.register("toy_street")
class ToyStreet(Dataset):
    """Street scenes of five stuff and three thing classes."""

    def __init__(self):
        super().__init__(
            table_info(
                "toy_street",
                table="toy_street",
                ignore_label=255,
                label_divisor=1000,
            )
        )
