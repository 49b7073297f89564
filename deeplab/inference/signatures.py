"""The names of an exported model: its files, its signatures and their tensors.

Beside those below, signatures have the fields of a `Prediction`, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Written beside an exported model: what its labels mean.
DATASET_FILE = "dataset.json"
SERVE_IMAGES = "serving_default"
SERVE_ENCODED = "serve_encoded"
SERVE_VIDEO = "serve_video"
INITIAL_STATE = "initial_state"
# Height and width of each image of a batch of files.
IMAGE_SIZE = "image_size"

_STATE_PREFIX = "state_"


def named_state(state: Any) -> dict[str, Any]:
    """Returns the tensors of a video's state, a named tuple, by name in signatures."""
    return {_STATE_PREFIX + name: value for name, value in state._asdict().items()}


def state_of(spec: Any, tensors: Mapping[str, Any]) -> Any:
    """Returns the state that the tensors of a signature make up.

    Args:
      spec: the state's specification, a named tuple.
      tensors: those of `named_state`, and maybe others.
    """
    return spec._make(tensors[name] for name in named_state(spec))


def other_frames(which: str) -> str:
    """Returns the name of the frames beside the images, "previous" or "next"."""
    return f"{which}_images"
