"""Where the trainer of the TensorFlow Model Garden keeps the encoder."""

from __future__ import annotations

from collections.abc import Iterator

from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.name_maps.base import Candidate, ModelWeight

_ENCODER = "encoder/"


@NAME_MAPS.register("model_garden")
def model_garden(weight: ModelWeight) -> Iterator[Candidate]:
    """Yields the key of a weight of the encoder in a checkpoint of the Model Garden."""
    if weight.key.startswith(_ENCODER):
        yield Candidate("backbone/_encoder/" + weight.key.removeprefix(_ENCODER))
