"""Input normalisation: what a network sees of the pixels of an image.

`INPUT_NORMALIZATIONS.get(name)` is one; a config selects it by
`model_options.input_normalization`.
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
