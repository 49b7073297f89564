"""BGR pixels, 0 to 255, minus the mean of each channel, as for networks from Caffe."""

from __future__ import annotations

from deeplab.input_normalization import INPUT_NORMALIZATIONS
from deeplab.input_normalization.base import PerChannel

INPUT_NORMALIZATIONS.register("caffe")(
    PerChannel((122.675, 116.669, 104.008), (1.0, 1.0, 1.0), reverses=True)
)
