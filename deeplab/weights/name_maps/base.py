"""What a name map is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from deeplab.weights.layouts import AS_STORED, Layout


class ModelWeight(NamedTuple):
    """A weight of a model.

    Attributes:
      key: its checkpoint key without suffix, such as `encoder/_stem/_conv/kernel`.
      variable: the name of its variable, which is made of names of layers, such as
        `image_segmenter/resnet50/stem/conv/kernel:0`.
    """

    key: str
    variable: str


class Candidate(NamedTuple):
    """A place where a weight may be found.

    Attributes:
      key: as a reader lists it.
      layout: how it is stored there.
    """

    key: str
    layout: Layout = AS_STORED


# The places where others keep a weight, the likeliest first; none for weights of models
# that they do not have.
NameMap = Callable[[ModelWeight], Iterable[Candidate]]
