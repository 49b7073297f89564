"""What the fields of examples and predictions are: one record for each field.

The records stand beside the fields themselves, as annotations of the named tuples in
`deeplab.core.structures`. Whatever resizes, mirrors, averages, pads, crops, serves or
draws a field asks its record; no other place lists names of fields.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, get_type_hints


class Kind(enum.Enum):
    """What a field holds, which decides how it may be computed with."""

    # Unnormalised scores of classes or masks.
    LOGITS = "logits"
    # Probabilities of classes, 0 to 1, that sum to 1 along the last axis.
    PROBABILITIES = "probabilities"
    # (dy, dx) in pixels: they grow with the image, and dx changes sign in a mirror.
    OFFSETS = "offsets"
    # A smooth map, 0 to 1.
    HEATMAP = "heatmap"
    # A smooth map in metres.
    DEPTH = "depth"
    # One value for each segment: a confidence.
    SCORES = "scores"
    # Ids of classes, instances or segments.
    IDS = "ids"
    # Features that only losses read.
    EMBEDDING = "embedding"


class Extent(enum.Enum):
    """What the values of a field belong to, besides the images of the batch."""

    # The pixels of the image: [b, h, w] or [b, h, w, channels].
    PIXELS = "pixels"
    # The image as a whole: [b] or [b, channels].
    IMAGE = "image"
    # Neither: the masks of a transformer, or a grid that keeps its own stride.
    OWN = "own"


_SMOOTH = {Kind.LOGITS, Kind.PROBABILITIES, Kind.HEATMAP, Kind.DEPTH}


@dataclass(frozen=True)
class PredictionField:
    """The record of a field that models predict.

    Attributes:
      kind: what it holds.
      extent: what its values belong to.
      channels: whether it has a last axis of channels.
      softmax_of: the field of logits whose softmax it is, computed at the size of
        the prediction; empty for others.
      served: whether exported models return it unless asked for other fields.
      picture: ending of the name of its picture; empty if it is not drawn alone.
    """

    kind: Kind
    extent: Extent = Extent.PIXELS
    channels: bool = False
    softmax_of: str = ""
    served: bool = False
    picture: str = ""

    @property
    def rank(self) -> int:
        """Number of axes, the batch included; -1 where it depends on the model."""
        axes = {Extent.PIXELS: 3, Extent.IMAGE: 1, Extent.OWN: -1}[self.extent]
        return axes + self.channels if axes > 0 else axes

    @property
    def is_resized(self) -> bool:
        """Whether it follows the image to another size."""
        return self.extent is Extent.PIXELS

    @property
    def is_smooth(self) -> bool:
        """Whether values between its pixels are interpolated, not the nearest taken."""
        return self.kind in _SMOOTH or self.kind is Kind.OFFSETS

    @property
    def can_be_averaged(self) -> bool:
        """Whether several runs of a network have a meaningful mean of it."""
        return self.extent is not Extent.OWN and self.is_smooth

    @property
    def is_evaluated(self) -> bool:
        """Whether metrics and writers may need it: logits are for losses alone."""
        return self.extent is not Extent.OWN and self.kind is not Kind.LOGITS

    @property
    def can_be_served(self) -> bool:
        """Whether it is a map of the image, or says something of it as a whole."""
        return self.extent is not Extent.OWN


class Padding(enum.Enum):
    """What fills up the smaller images of an evaluation batch."""

    ZERO = "zero"
    # The pixel that input normalisation maps to zero.
    MEAN_PIXEL = "mean_pixel"
    # The class id of no class.
    IGNORE_LABEL = "ignore_label"
    # The panoptic label of no class.
    VOID = "void"
    # The depth of pixels without depth.
    IGNORE_DEPTH = "ignore_depth"
    # The instance number of no instance.
    NO_INSTANCE = "no_instance"


class Side(enum.Enum):
    """Where a field of a batch is needed."""

    # By the model or the losses, on the devices.
    DEVICE = "device"
    # By metrics, writers and messages alone: it never goes to a device.
    HOST = "host"


@dataclass(frozen=True)
class ExampleField:
    """The record of a field of the input pipeline.

    Attributes:
      padding: what fills up smaller images of a batch.
      side: where it is needed.
      as_stored: whether it has the size of the stored image, before resizing.
      shown: whether metrics and writers need it although it goes to the devices.
    """

    padding: Padding = Padding.ZERO
    side: Side = Side.DEVICE
    as_stored: bool = False
    shown: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether metrics and writers get it."""
        return self.side is Side.HOST or self.shown


def records(structure: type) -> dict[str, Any]:
    """Returns the record of each field of a named tuple, in the order of the fields.

    Raises:
      TypeError: a field has no record.
    """
    hints = get_type_hints(structure, include_extras=True)
    found = {}
    for name, hint in hints.items():
        record = getattr(hint, "__metadata__", (None,))[0]
        if not isinstance(record, PredictionField | ExampleField):
            raise TypeError(f"{structure.__name__}.{name} has no record of its kind")
        found[name] = record
    return found
