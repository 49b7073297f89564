"""Paths of weights in the `.h5` files that Keras's `save_weights` writes.

Keras stores a variable under the name of the outermost layer that contains it, followed
by the full name of the variable:
`network/deeplab/network/resnet50/stem/conv/kernel:0`. The model itself does not count
as a layer. Paths in a file of only the backbone start two levels further in.
"""

from __future__ import annotations

from collections.abc import Iterator

from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.name_maps.base import Candidate, ModelWeight

# Begins the names of the variables of a whole model.
_MODEL = "deeplab/network/"


@NAME_MAPS.register("keras_layers")
def keras_layers(weight: ModelWeight) -> Iterator[Candidate]:
    """Yields the paths in a file of the whole model, and in files of one part."""
    name = weight.variable
    if not name.startswith(_MODEL):
        layer = name.partition("/")[2].partition("/")[0]
        if layer:
            yield Candidate(f"{layer}/{name}")
        return
    part = name.removeprefix(_MODEL)
    layer = part.partition("/")[2].partition("/")[0]
    if layer:
        yield Candidate(f"network/{name}")
        # A part saved from within the model, and one that was built on its own.
        yield Candidate(f"{layer}/{name}")
        yield Candidate(f"{layer}/{part}")
