"""Input normalisations: from the pixels of an image to the input of a network.

`INPUT_NORMALIZATIONS.get(name)` returns an `InputNormalization`; a config selects it
with `model_options.input_normalization`.
"""

from deeplab.input_normalization.base import InputNormalization
from deeplab.registry import Registry

INPUT_NORMALIZATIONS: Registry[InputNormalization] = Registry(
    "input normalization",
    __name__,
    [
        "caffe",
        "deeplab",
        "imagenet",
    ],
)
