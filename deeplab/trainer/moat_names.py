"""Names of MOAT's variables in its published checkpoints.

Those are of TensorFlow 1, where a variable has the name of its layer, not its place in
the model. The code that published them reads trained variables alone; here the moving
statistics come along.
"""

from __future__ import annotations

import re

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


def moat_variable_name(path: str) -> str | None:
    """Returns the published name of a variable, None if it is not one of MOAT.

    Args:
      path: its checkpoint key without the suffix, such as
        `encoder/_blocks/2/0/_attention/_q_proj/weight`, which is
        `moat/block_02_00/attention/q/weight` there.
    """
    if block := _BLOCK.fullmatch(path):
        stage, number, rest = int(block[1]), int(block[2]), block[3].split("/")
        layers = [_LAYERS.get(part, part.removeprefix("_")) for part in rest]
        return f"moat/block_{stage:02}_{number:02}/{'/'.join(layers)}"
    if stem := _STEM.fullmatch(path):
        # Convolutions and normalisations alternate.
        place = int(stem[1])
        kind = "norm" if place % 2 else "conv"
        return f"moat/stem/{kind}_{place // 2}/{stem[2]}"
    return None
