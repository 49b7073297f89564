"""The IoU tracker: the baseline that links panoptic frames into a panoptic video.

STEP: Segmenting and Tracking Every Pixel, M. Weber et al., NeurIPS 2021,
https://arxiv.org/abs/2102.11859, after High-Speed Tracking-by-Detection Without Using
Image Information, E. Bochinski, V. Eiselein, T. Sikora, AVSS 2017. Within each class,
instances are assigned to tracks so that the sum of the IoUs is maximal. The published
code compares every pair of masks; here, one pass over the pixels of a track computes
its overlap with all instances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from deeplab.core.labels import LabelSpace
from deeplab.tracking.optical_flow import warped_pixels


@dataclass
class _Track:
    """A track; `pixels` are flat indices of where it was last seen."""

    id: int
    class_id: int
    pixels: np.ndarray
    frames_unseen: int = 0


class IoUTracker:
    """Assigns the same id to instances of consecutive frames that overlap."""

    def __init__(
        self,
        *,
        labels: LabelSpace,
        min_iou: float = 0.3,
        max_frames_unseen: int = 10,
    ):
        """Makes a tracker for one video at a time.

        Args:
          labels: meaning of the labels; instances of thing classes are tracked, and
            the instance ids of other classes become 0.
          min_iou: the IoU of an instance and its track must exceed this; 0 to 1.
          max_frames_unseen: a track ends when it was not seen for more frames than
            this.

        Raises:
          ValueError: the IoU is out of range.
        """
        if not 0 <= min_iou < 1:
            raise ValueError(f"min_iou {min_iou}: must be at least 0 and below 1")
        self._labels = labels
        self._min_iou = min_iou
        self._max_frames_unseen = max_frames_unseen
        self.reset()

    def reset(self) -> None:
        """Forgets all tracks; call it between videos."""
        self._tracks: list[_Track] = []
        self._next_id = 1
        self._shape: tuple[int, ...] | None = None

    def update(
        self,
        panoptic: np.ndarray,
        flow: np.ndarray | None = None,
        occluded: np.ndarray | None = None,
    ) -> np.ndarray:
        """Tracks the instances of the next frame.

        Args:
          panoptic: [h, w] int32 panoptic labels.
          flow: [h, w, 2] float, optical flow (dx, dy) in pixels from the previous frame
            to this one; without it, masks are compared without motion compensation.
          occluded: [h, w], not 0 where a pixel of the previous frame is occluded in
            this one.

        Returns:
          [h, w] int32, the same classes with track ids as instance ids; 0 for crowds.

        Raises:
          ValueError: the size changes within a video, or there are more tracks than
            the label divisor allows.
        """
        if self._shape not in (None, panoptic.shape):
            raise ValueError(
                f"the frame has shape {panoptic.shape}, those before it {self._shape}; "
                "call reset() between videos"
            )
        self._shape = panoptic.shape
        found, index = np.unique(panoptic, return_inverse=True)
        index = index.reshape(panoptic.shape)
        class_id, instance = self._labels.decode(found)
        is_thing = np.isin(class_id, self._labels.thing_ids)
        followed = np.flatnonzero(is_thing & (instance > 0))
        numbers = np.full(len(found), -1, np.int64)
        numbers[followed] = np.arange(len(followed))
        index = numbers[index]
        flat = index.ravel()
        place = np.flatnonzero(flat >= 0)
        covered = (place, flat[place])
        compared = covered
        if flow is not None and self._tracks:
            compared = warped_pixels(index, flow, occluded)
        track_of = self._assign(compared, class_id[followed])
        self._remember(covered, class_id[followed], track_of)
        ids = np.zeros(len(found), np.int32)
        ids[followed] = track_of
        table = self._labels.encode(class_id, ids).astype(np.int32)
        return table[np.searchsorted(found, panoptic)]

    def _assign(
        self, covered: tuple[np.ndarray, np.ndarray], class_id: np.ndarray
    ) -> np.ndarray:
        """Returns the track id of each instance, a new id if no track matches."""
        iou = self._overlaps(covered, len(class_id))
        track_class = np.array([t.class_id for t in self._tracks], np.int64)
        track_of = np.zeros(len(class_id), np.int64)
        for one in np.unique(class_id):
            rows = np.flatnonzero(class_id == one)
            columns = np.flatnonzero(track_class == one)
            part = iou[np.ix_(rows, columns)]
            for row, column in zip(*linear_sum_assignment(-part), strict=True):
                if part[row, column] > self._min_iou:
                    track_of[rows[row]] = self._tracks[columns[column]].id
        new = np.flatnonzero(track_of == 0)
        track_of[new] = self._next_id + np.arange(len(new))
        self._next_id += len(new)
        if self._next_id - 1 > self._labels.max_instances:
            raise ValueError(
                f"more than {self._labels.max_instances} tracks: use a larger label "
                "divisor, such as that of kitti_step"
            )
        return track_of

    def _overlaps(
        self, covered: tuple[np.ndarray, np.ndarray], count: int
    ) -> np.ndarray:
        """Returns [count, tracks] IoUs of instances and tracks."""
        place, instance = covered
        iou = np.zeros((count, len(self._tracks)))
        if not count:
            return iou
        area = np.bincount(instance, minlength=count)
        assert self._shape is not None
        in_track = np.zeros(self._shape, bool).ravel()
        for column, track in enumerate(self._tracks):
            in_track[track.pixels] = True
            common = np.bincount(instance[in_track[place]], minlength=count)
            in_track[track.pixels] = False
            union = area + len(track.pixels) - common
            iou[:, column] = common / np.maximum(union, 1)
        return iou

    def _remember(
        self,
        covered: tuple[np.ndarray, np.ndarray],
        class_id: np.ndarray,
        track_of: np.ndarray,
    ) -> None:
        """Updates the pixels of tracks that were seen, and ends old tracks."""
        place, instance = covered
        order = np.argsort(instance, kind="stable")
        ends = np.cumsum(np.bincount(instance, minlength=len(class_id)))
        pixels = np.split(place[order], ends[:-1]) if len(class_id) else []
        seen = {
            int(track): _Track(int(track), int(one), where)
            for track, one, where in zip(track_of, class_id, pixels, strict=True)
        }
        kept = []
        for track in self._tracks:
            if track.id in seen:
                kept.append(seen.pop(track.id))
                continue
            track.frames_unseen += 1
            if track.frames_unseen <= self._max_frames_unseen:
                kept.append(track)
        self._tracks = [*kept, *seen.values()]
