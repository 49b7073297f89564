"""The names in an exported model: its files, its signatures and their tensors.

In addition to those below, signatures return the fields of a `Prediction`, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# File next to an exported model with the meaning of its labels.
DATASET_FILE = "dataset.json"
SERVE_IMAGES = "serving_default"
SERVE_ENCODED = "serve_encoded"
SERVE_VIDEO = "serve_video"
INITIAL_STATE = "initial_state"
# Output with the height and width of each image in a batch of encoded images.
IMAGE_SIZE = "image_size"

_STATE_PREFIX = "state_"


def named_state(state: Any) -> dict[str, Any]:
    """Returns the tensors of a state, a named tuple, by their names in signatures."""
    return {_STATE_PREFIX + name: value for name, value in state._asdict().items()}


def state_of(spec: Any, tensors: Mapping[str, Any]) -> Any:
    """Returns the state, a named tuple, from the tensors of a signature.

    Args:
      spec: specification of the state, a named tuple.
      tensors: the tensors of `named_state`, and possibly others.
    """
    return spec._make(tensors[name] for name in named_state(spec))


def other_frames(which: str) -> str:
    """Returns the name of the input with the "previous" or "next" frames."""
    return f"{which}_images"
