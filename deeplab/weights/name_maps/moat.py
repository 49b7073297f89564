"""Names of MOAT's variables in its published checkpoints.

These are TensorFlow 1 checkpoints, whose keys are variable names instead of object
paths. The published code restores only trainable variables; here the moving statistics
are restored as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.name_maps.base import Candidate, ModelWeight

_BLOCK = re.compile(r"encoder/_blocks/(\d+)/(\d+)/(.+)")
_STEM = re.compile(r"encoder/_stem/layer_with_weights-(\d+)/(\w+)")
_LAYERS = {
    "_se_reduce": "reduce_conv2d",
    "_se_expand": "expand_conv2d",
    "_q_proj": "q",
    "_k_proj": "k",
    "_v_proj": "v",
    "_o_proj": "o",
}


@NAME_MAPS.register("moat")
def moat(weight: ModelWeight) -> Iterator[Candidate]:
    """Yields the published name of a weight, if the weight may belong to MOAT.

    For example, `encoder/_blocks/2/0/_attention/_q_proj/weight` is published as
    `moat/block_02_00/attention/q/weight`.
    """
    if block := _BLOCK.fullmatch(weight.key):
        stage, number, rest = int(block[1]), int(block[2]), block[3].split("/")
        layers = [_LAYERS.get(part, part.removeprefix("_")) for part in rest]
        yield Candidate(f"moat/block_{stage:02}_{number:02}/{'/'.join(layers)}")
    if stem := _STEM.fullmatch(weight.key):
        # Convolutions and normalisations alternate.
        place = int(stem[1])
        kind = "norm" if place % 2 else "conv"
        yield Candidate(f"moat/stem/{kind}_{place // 2}/{stem[2]}")
