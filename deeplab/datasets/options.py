"""The options that single data sets have, checked before one is built."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplab.datasets import DATASETS


def dataset_options(
    name: str, given: Mapping[str, Any], root: Path | None
) -> dict[str, Any]:
    """Returns the arguments with which a data set is built.

    Args:
      name: registered name of the data set.
      given: option -> value; None where it is not given.
      root: folder of the raw data, where a description of classes is looked for if
        none is given.

    Raises:
      ValueError: the data set is unknown, has no such option, or needs a folder.
    """
    known = set(inspect.signature(DATASETS.get(name)).parameters)
    options = {key: value for key, value in given.items() if value is not None}
    for key in options:
        if key not in known:
            raise ValueError(f"data set {name!r} has no option --{key}")
    # Only drawn data sets need no folder, and they say how many images to draw.
    if root is None and "images" not in known:
        raise ValueError(f"{name} is read from a raw folder: give --root")
    if "description" in known and root is not None:
        options.setdefault("description", root / "description.json")
    return options
