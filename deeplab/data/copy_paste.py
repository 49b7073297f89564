"""Panoptic copy-paste: segments of a second image laid over the first.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. The published code counts the instances of the second
image down from the divisor and fails when either image reaches its half; here they are
counted on from the first image's, and what no number is left for is not pasted.
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
      scale: factor of the random scales of the second image; 0 pastes nothing.
      things: "random", "all" or "none" of them.
      stuff: likewise.
      void: likewise.

    Raises:
      ValueError: a choice is unknown, or the scale negative.
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
    """Returns the label of pixels around the second image, which are never pasted."""
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
    """Lays segments of another image over an image.

    A random number of segments, drawn at random, is pasted; then those of which the
    options say "all" are added, and those of which they say "none" left out.

    Args:
      image: `[h, w, c]`.
      label: `[h, w]` int32.
      other_image: of the same size.
      other_label: likewise, `padding_label` where there is no image.
      options: what is pasted.
      info: what the labels mean.
      seed: [2] integers, of the choice.

    Returns:
      Image and label.
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
    """Returns [n] bool: which segments are wanted."""
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
