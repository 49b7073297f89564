"""What kMaX-DeepLab takes on a data set where its config does not say.

The values are those that the published code ties to the name of a data set.
"""

from __future__ import annotations

from dataclasses import dataclass

from deeplab.core.dataset_info import UNNAMED


@dataclass(frozen=True)
class MaskDefaults:
    """Defaults of the options that a config may leave out.

    Attributes:
      slots: masks that are predicted, things and stuff together.
      stride: stride of the masks in input pixels, 4 or 2.
      semantic_decoder: whether the auxiliary semantic output comes from a decoder;
        if not, it comes from the coarsest feature.
      keep_prob: probability to keep a residual path of the transformer decoder.
    """

    slots: int = 128
    stride: int = 4
    semantic_decoder: bool = True
    keep_prob: float = 0.8


# Many small things, in large images.
_CITYSCAPES = MaskDefaults(slots=256, stride=2, semantic_decoder=False)

# Name of a data set -> its defaults; all others have those of `MaskDefaults`.
MASK_DEFAULTS = {
    "ade20k_panoptic": MaskDefaults(keep_prob=1.0),
    "cityscapes_dvps": _CITYSCAPES,
    "cityscapes_panoptic": _CITYSCAPES,
    UNNAMED: _CITYSCAPES,
}


def mask_defaults(dataset: str) -> MaskDefaults:
    """Returns the defaults on the data set of that name."""
    return MASK_DEFAULTS.get(dataset, MaskDefaults())
