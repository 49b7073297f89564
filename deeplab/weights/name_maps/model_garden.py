"""Keys of the encoder in checkpoints of the TensorFlow Model Garden's trainer."""

from __future__ import annotations

from collections.abc import Iterator

from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.name_maps.base import Candidate, ModelWeight

_ENCODER = "encoder/"


@NAME_MAPS.register("model_garden")
def model_garden(weight: ModelWeight) -> Iterator[Candidate]:
    """Yields the key of an encoder weight in a checkpoint of the Model Garden."""
    if weight.key.startswith(_ENCODER):
        yield Candidate("backbone/_encoder/" + weight.key.removeprefix(_ENCODER))
