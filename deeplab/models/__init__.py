"""Models: a backbone, a head and post-processing combined.

`deeplab.models.deeplab.DeepLab` is the only model class. Architectures differ in how
frames pass through the network (`FORWARD_PASSES`) and in the state that is kept between
the frames of a video (`VIDEO_STATES`).
"""

from collections.abc import Callable

from deeplab.models.forward_passes.base import ForwardPass
from deeplab.models.video.base import VideoState
from deeplab.registry import Registry

FORWARD_PASSES: Registry[ForwardPass] = Registry(
    "forward pass",
    f"{__name__}.forward_passes",
    [
        "frame_pair",
        "single_frame",
    ],
)

VIDEO_STATES: Registry[Callable[..., VideoState]] = Registry(
    "video state",
    f"{__name__}.video",
    [
        "stitched_pairs",
        "tracked_frames",
    ],
)
