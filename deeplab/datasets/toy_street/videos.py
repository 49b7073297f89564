"""Synthetic street videos: `toy_street` in motion, with depth, for trials and tests.

The camera drives down the street while cars and people move; an instance keeps its id
throughout its video. Every frame has its depth, and the previous and next frames.
Videos are generated from a seed and are the same on every machine.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from deeplab.core.dataset_info import DatasetInfo
from deeplab.datasets import DATASETS
from deeplab.datasets.base import (
    Dataset,
    LoadedFrame,
    LoadedImage,
    RawImage,
    table_info,
)
from deeplab.datasets.toy_street.drawing import Frame, draw
from deeplab.datasets.toy_street.images import (
    check_size,
    crowd_ignored,
    first_seed,
    jpeg,
)
from deeplab.datasets.toy_street.scene import random_scene

# Seconds between two frames.
_INTERVAL = 0.05


@DATASETS.register("toy_street_video")
class ToyStreetVideo(Dataset):
    """Videos of five stuff and three thing classes, with depth in metres."""

    def __init__(
        self,
        images: int = 480,
        seed: int = 0,
        height: int = 129,
        width: int = 257,
        frames: int = 8,
    ):
        """Describes the videos to draw.

        Args:
          images: number of frames in a split, over all its videos.
          seed: seed of the videos.
          height: rows of a frame.
          width: columns of a frame.
          frames: number of frames in a video; the last video is shorter if `images` is
            not a multiple.

        Raises:
          ValueError: the number or the size of the frames is too small.
        """
        super().__init__(
            table_info(
                "toy_street_video",
                table="toy_street",
                ignore_label=255,
                label_divisor=1000,
                is_video=True,
                is_depth=True,
                ignore_depth=0,
            )
        )
        check_size(self.info.name, images, height, width)
        if frames < 1:
            raise ValueError(f"toy_street_video: {frames} frames; draw at least one")
        self._images, self._seed, self._frames = images, seed, frames
        self._height, self._width = height, width

    def read(
        self, root: Path, split: str, *, crowd_as_ignore: bool = False
    ) -> Sequence[RawImage]:
        """See `Dataset.read`; every split name gives other videos, `root` is unused."""
        images = []
        for i in range(self._images):
            video, number = divmod(i, self._frames)
            scene = _Scene(
                first_seed(split, self._seed) + video,
                self._height,
                self._width,
                crowd_as_ignore,
            )
            sequence = f"{split}_{video:04d}"
            images.append(
                RawImage(
                    f"{sequence}_{number:06d}",
                    functools.partial(_load, scene, self.info, sequence, number),
                    f"frame {number} of video {video} of {split}",
                )
            )
        return images


class _Scene:
    """What the frames of a video have in common."""

    def __init__(self, seed: int, height: int, width: int, crowd_as_ignore: bool):
        self.seed, self.height, self.width = seed, height, width
        self.crowd_as_ignore = crowd_as_ignore

    def draw(self, info: DatasetInfo, number: int) -> Frame:
        """Draws a frame; frames before the first are equal to it."""
        time = _INTERVAL * max(number, 0)
        frame = draw(random_scene(self.seed), info, self.height, self.width, time)
        if self.crowd_as_ignore:
            return frame._replace(label=crowd_ignored(frame.label, info))
        return frame


def _load(
    scene: _Scene, info: DatasetInfo, sequence_id: str, number: int
) -> LoadedImage:
    previous, frame, following = (
        scene.draw(info, number + step) for step in (-1, 0, 1)
    )
    return LoadedImage(
        jpeg(frame),
        frame.label,
        previous=LoadedFrame(jpeg(previous), previous.label),
        next=LoadedFrame(jpeg(following), following.label),
        depth=frame.depth,
        sequence_id=sequence_id,
        frame_id=f"{number:06d}",
    )
