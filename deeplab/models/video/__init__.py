"""What models remember of a video from frame to frame.

`VIDEO_STATES.get(name)(model)` is a `VideoState`.
"""

from collections.abc import Callable

from deeplab.models.video.base import VideoState
from deeplab.registry import Registry

VIDEO_STATES: Registry[Callable[..., VideoState]] = Registry(
    "video state",
    __name__,
    [
        "stitched_pairs",
        "tracked_frames",
    ],
)
