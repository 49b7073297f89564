"""Name maps: the keys of our weights in files of other programs, one module per map.

`NAME_MAPS.get(name)` is a `deeplab.weights.name_maps.base.NameMap`. All maps are tried
for each weight that a file does not store under its checkpoint key.
"""

from __future__ import annotations

from deeplab.registry import Registry
from deeplab.weights.name_maps.base import NameMap

NAME_MAPS: Registry[NameMap] = Registry(
    "name map", __name__, ["encoder_alone", "keras_layers", "moat", "model_garden"]
)
