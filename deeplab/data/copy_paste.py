"""Panoptic copy-paste: pastes segments of a second image onto the first.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. The published code numbers the instances of the
second image downwards from the divisor and fails when either image has more than half
of it; here their numbers continue those of the first image, and instances for which no
number is left are not pasted.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.targets.segments import Segments

CHOICES = ("random", "all", "none")


@dataclass(frozen=True)
class CopyPaste:
    """Which segments are pasted.

    Attributes:
      scale: factor on the random scales of the second image; 0 pastes nothing.
      things: "random", "all" or "none" of the thing segments.
      stuff: the same choice for stuff segments.
      void: the same choice for void.

    Raises:
      ValueError: a choice is unknown, or the scale is negative.
    """

    scale: float = 0.0
    things: str = "random"
    stuff: str = "random"
    void: str = "none"

    def __post_init__(self):
        if self.scale < 0:
            raise ValueError(f"panoptic_copy_paste_scale {self.scale} is negative")
        for kind in ("thing", "stuff", "void"):
            choice = getattr(self, "things" if kind == "thing" else kind)
            if choice not in CHOICES:
                raise ValueError(
                    f"panoptic_copy_paste_{kind}_option {choice!r}: choose one of "
                    f"{', '.join(CHOICES)}"
                )


def padding_label(info: DatasetInfo) -> int:
    """Returns the label of the padding around the second image, never pasted."""
    return info.label_space.void + 1


def paste(
    image: tf.Tensor,
    label: tf.Tensor,
    other_image: tf.Tensor,
    other_label: tf.Tensor,
    *,
    options: CopyPaste,
    info: DatasetInfo,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pastes segments of another image onto an image.

    A random number of random segments is pasted. Then all segments of the kinds set to
    "all" are added, and those of the kinds set to "none" are left out.

    Args:
      image: `[h, w, c]`.
      label: `[h, w]` int32.
      other_image: `[h, w, c]`, the image to paste from.
      other_label: `[h, w]` int32, its labels; `padding_label` outside the image.
      options: which segments to paste.
      info: the data set.
      seed: [2] integers, the seed of the random choice.

    Returns:
      The new image and label.
    """
    segments = Segments(other_label, info)
    number = info.label_space.decode(segments.ids)[1]
    used = tf.reduce_max(info.label_space.decode(label)[1])
    number = tf.where(number > 0, number + used, 0)
    fits = number <= info.label_space.max_instances
    is_padding = segments.ids == padding_label(info)
    chosen = _choose(segments, options, seed) & fits & tf.logical_not(is_padding)
    pasted = segments.per_pixel(chosen)
    renumbered = info.label_space.encode(segments.class_id, number)
    return (
        tf.where(pasted[:, :, tf.newaxis], other_image, image),
        tf.where(pasted, segments.per_pixel(renumbered), label),
    )


def _choose(segments: Segments, options: CopyPaste, seed: tf.Tensor) -> tf.Tensor:
    """Returns [n] bool: whether to paste each segment."""
    count = tf.size(segments.ids)
    seeds = tf.random.split(seed)
    kept = tf.random.stateless_uniform([], seeds[0], 0, count + 1, tf.int32)
    order = tf.argsort(tf.random.stateless_uniform([count], seeds[1]))
    chosen = tf.argsort(order) < kept
    for is_kind, choice in (
        (segments.is_void, options.void),
        (segments.is_thing, options.things),
        (tf.logical_not(segments.is_void | segments.is_thing), options.stuff),
    ):
        if choice != "random":
            chosen = tf.where(is_kind, choice == "all", chosen)
    return chosen
