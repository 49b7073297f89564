"""Describes the fields of examples and predictions, with one record per field.

The records annotate the fields of the named tuples in `deeplab.core.structures`. Code
that resizes, mirrors, averages, pads, crops, serves or draws a field consults its
record; no other module keeps a list of field names.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, get_type_hints


class Kind(enum.Enum):
    """What a field contains, which decides how it may be processed."""

    # Unnormalised scores of classes or masks.
    LOGITS = "logits"
    # Class probabilities, 0 to 1, that sum to 1 along the last axis.
    PROBABILITIES = "probabilities"
    # (dy, dx) in pixels: they scale with the image, and mirroring negates dx.
    OFFSETS = "offsets"
    # A smooth map with values from 0 to 1.
    HEATMAP = "heatmap"
    # A smooth map in metres.
    DEPTH = "depth"
    # Confidences, one value per segment.
    SCORES = "scores"
    # Ids of classes, instances or segments.
    IDS = "ids"
    # Features that only losses use.
    EMBEDDING = "embedding"


class Extent(enum.Enum):
    """What the values of a field belong to, within each image of the batch."""

    # The pixels of the image: [b, h, w] or [b, h, w, channels].
    PIXELS = "pixels"
    # The image as a whole: [b] or [b, channels].
    IMAGE = "image"
    # Neither: the masks of a transformer, or a grid with a stride of its own.
    OWN = "own"


_SMOOTH = {Kind.LOGITS, Kind.PROBABILITIES, Kind.HEATMAP, Kind.DEPTH}


@dataclass(frozen=True)
class PredictionField:
    """The record of a field that models predict.

    Attributes:
      kind: what the field contains.
      extent: what its values belong to.
      channels: whether its last axis holds channels.
      softmax_of: name of the logits field whose softmax this field is, computed at
        the size of the prediction; empty for other fields.
      served: whether exported models return the field by default.
      picture: suffix of the file name of its picture; empty if the field has no
        picture of its own.
    """

    kind: Kind
    extent: Extent = Extent.PIXELS
    channels: bool = False
    softmax_of: str = ""
    served: bool = False
    picture: str = ""

    @property
    def rank(self) -> int:
        """Number of axes, including the batch; -1 if it depends on the model."""
        axes = {Extent.PIXELS: 3, Extent.IMAGE: 1, Extent.OWN: -1}[self.extent]
        return axes + self.channels if axes > 0 else axes

    @property
    def is_resized(self) -> bool:
        """Whether the field is resized along with the image."""
        return self.extent is Extent.PIXELS

    @property
    def is_smooth(self) -> bool:
        """Whether resizing interpolates the field instead of taking nearest pixels."""
        return self.kind in _SMOOTH or self.kind is Kind.OFFSETS

    @property
    def can_be_averaged(self) -> bool:
        """Whether averaging the field over several forward passes is meaningful."""
        return self.extent is not Extent.OWN and self.is_smooth

    @property
    def is_evaluated(self) -> bool:
        """Whether metrics and writers may need the field; only losses need logits."""
        return self.extent is not Extent.OWN and self.kind is not Kind.LOGITS

    @property
    def can_be_served(self) -> bool:
        """Whether the field describes the pixels of the image, or the whole image."""
        return self.extent is not Extent.OWN


class Padding(enum.Enum):
    """The value that pads the smaller images of an evaluation batch."""

    ZERO = "zero"
    # The pixel that input normalisation maps to zero.
    MEAN_PIXEL = "mean_pixel"
    # The class id of pixels that belong to no class.
    IGNORE_LABEL = "ignore_label"
    # The panoptic label of pixels that belong to no class.
    VOID = "void"
    # The depth of pixels without depth.
    IGNORE_DEPTH = "ignore_depth"
    # The instance number of pixels that belong to no instance.
    NO_INSTANCE = "no_instance"


class Side(enum.Enum):
    """Where a field of a batch is needed."""

    # The model or the losses need it, on the devices.
    DEVICE = "device"
    # Only metrics, writers and messages need it; it is never copied to a device.
    HOST = "host"


@dataclass(frozen=True)
class ExampleField:
    """The record of a field of the input pipeline.

    Attributes:
      padding: value that pads the smaller images of a batch.
      side: where the field is needed.
      as_stored: whether it has the size of the stored image, before resizing.
      shown: whether metrics and writers need the field as well as the devices.
    """

    padding: Padding = Padding.ZERO
    side: Side = Side.DEVICE
    as_stored: bool = False
    shown: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether metrics and writers receive the field."""
        return self.side is Side.HOST or self.shown


def records(structure: type) -> dict[str, Any]:
    """Returns the records of the fields of a named tuple, by name and in order.

    Raises:
      TypeError: a field has no record.
    """
    hints = get_type_hints(structure, include_extras=True)
    found = {}
    for name, hint in hints.items():
        record = getattr(hint, "__metadata__", (None,))[0]
        if not isinstance(record, PredictionField | ExampleField):
            raise TypeError(
                f"{structure.__name__}.{name} has no record; annotate it with a "
                "PredictionField or an ExampleField"
            )
        found[name] = record
    return found
