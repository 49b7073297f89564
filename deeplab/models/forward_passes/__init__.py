"""How the frames of an image pass through backbone and head.

`FORWARD_PASSES.get(name)` is a `ForwardPass`.
"""

from deeplab.models.forward_passes.base import ForwardPass
from deeplab.registry import Registry

FORWARD_PASSES: Registry[ForwardPass] = Registry(
    "forward pass",
    __name__,
    [
        "frame_pair",
        "single_frame",
    ],
)
