"""The interface of name maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from deeplab.weights.layouts import AS_STORED, Layout


class ModelWeight(NamedTuple):
    """A weight of a model.

    Attributes:
      key: checkpoint key without suffix, such as `encoder/_stem/_conv/kernel`.
      variable: name of the variable, which consists of layer names, such as
        `image_segmenter/resnet50/stem/conv/kernel:0`.
    """

    key: str
    variable: str


class Candidate(NamedTuple):
    """A key under which a file may store a weight.

    Attributes:
      key: key as a reader lists it.
      layout: layout of the stored array.
    """

    key: str
    layout: Layout = AS_STORED


# Returns where other programs store a weight, the likeliest place first, or nothing for
# weights of models that they do not have.
NameMap = Callable[[ModelWeight], Iterable[Candidate]]
