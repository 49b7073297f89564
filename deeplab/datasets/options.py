"""Checks the options of a data set before it is built."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplab.datasets import DATASETS


def dataset_options(
    name: str, given: Mapping[str, Any], root: Path | None
) -> dict[str, Any]:
    """Returns the arguments of the function that builds a data set.

    Args:
      name: registered name of the data set.
      given: option -> value; None if it is not given.
      root: folder of the raw data, which is searched for a description of the classes
        if none is given.

    Raises:
      ValueError: the data set is unknown, has no such option, or needs a folder.
    """
    known = set(inspect.signature(DATASETS.get(name)).parameters)
    options = {key: value for key, value in given.items() if value is not None}
    for key in options:
        if key not in known:
            raise ValueError(f"data set {name!r} has no option --{key}")
    # Only synthetic data sets need no folder; they have the option `images`.
    if root is None and "images" not in known:
        raise ValueError(f"{name} is read from a raw folder: give --root")
    if "description" in known and root is not None:
        options.setdefault("description", root / "description.json")
    return options
