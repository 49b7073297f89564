"""Defaults of kMaX-DeepLab per data set, for options that the config does not set.

These are the values that the published code derives from the name of the data set.
"""

from __future__ import annotations

from dataclasses import dataclass

from deeplab.core.dataset_info import UNNAMED


@dataclass(frozen=True)
class MaskDefaults:
    """Defaults of the options that a config may leave out.

    Attributes:
      slots: number of predicted masks, things and stuff together.
      stride: stride of the masks in input pixels, 4 or 2.
      semantic_decoder: whether the auxiliary semantic output comes from a decoder;
        if not, it comes from the coarsest feature.
      keep_prob: probability of keeping a residual path of the transformer decoder.
    """

    slots: int = 128
    stride: int = 4
    semantic_decoder: bool = True
    keep_prob: float = 0.8


# Cityscapes has large images with many small things.
_CITYSCAPES = MaskDefaults(slots=256, stride=2, semantic_decoder=False)

# Name of a data set -> its defaults; all others use those of `MaskDefaults`.
MASK_DEFAULTS = {
    "ade20k_panoptic": MaskDefaults(keep_prob=1.0),
    "cityscapes_dvps": _CITYSCAPES,
    "cityscapes_panoptic": _CITYSCAPES,
    UNNAMED: _CITYSCAPES,
}


def mask_defaults(dataset: str) -> MaskDefaults:
    """Returns the defaults for the data set with that name."""
    return MASK_DEFAULTS.get(dataset, MaskDefaults())
