"""Paths of weights in the `.h5` files that `save_weights` writes of our models.

Keras puts a variable under the name of the outermost layer that holds it, and there
under its whole name: `resnet50/image_segmenter/resnet50/stem/conv/kernel:0`. The
model's own name does not count as a layer's. Files of a backbone alone begin one
further inside.
"""

from __future__ import annotations

from collections.abc import Iterator

from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.name_maps.base import Candidate, ModelWeight


@NAME_MAPS.register("keras_layers")
def keras_layers(weight: ModelWeight) -> Iterator[Candidate]:
    """Yields the paths in a file of the whole model, and in those of a part of it."""
    model, _, inside = weight.variable.partition("/")
    part, _, further = inside.partition("/")
    layer = further.partition("/")[0]
    if not part or not layer:
        return
    yield Candidate(f"{part}/{model}/{inside}")
    # A part that was saved out of the model, and one that was built without it.
    yield Candidate(f"{layer}/{model}/{inside}")
    yield Candidate(f"{layer}/{inside}")
