"""Files that contain only the encoder, such as the published ConvNeXt weights."""

from __future__ import annotations

from collections.abc import Iterator

from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.name_maps.base import Candidate, ModelWeight

_ENCODER = "encoder/"


@NAME_MAPS.register("encoder_alone")
def encoder_alone(weight: ModelWeight) -> Iterator[Candidate]:
    """Yields the key of an encoder weight relative to the encoder."""
    if weight.key.startswith(_ENCODER):
        yield Candidate(weight.key.removeprefix(_ENCODER))
