"""Ground truth of the mask losses, at the size of the predicted masks.

MaX-DeepLab: End-to-End Panoptic Segmentation with Mask Transformers, Huiyu Wang,
Yukun Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, CVPR 2021,
https://arxiv.org/abs/2012.00759. There is one mask per thing and one per stuff class,
and masks do not overlap, so that a map of mask numbers describes them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Example
from deeplab.ops.masks import known_size, mask_areas
from deeplab.ops.sampling import subsample


class MaskTargets(NamedTuple):
    """The masks of a batch: those of things first, then one per stuff class."""

    # [b, pixels] int32, number of the pixel's mask; -1 on void and crowd.
    number: tf.Tensor
    # [b, pixels] bool, whether the pixel belongs to a thing with a mask.
    is_thing: tf.Tensor
    # [b, pixels] bool, whether the pixel has the ignore label.
    is_void: tf.Tensor
    # [b, masks] float32, area in pixels; 0 for a mask that is absent.
    area: tf.Tensor
    # [b, masks] int32, channel of the mask's class; -1 for a mask that is absent.
    channel: tf.Tensor


@dataclass(frozen=True)
class MaskLayout:
    """Order of the mask classes: things, then stuff, and "no object" last.

    Attributes:
      labels: meaning of the labels.
    """

    labels: LabelSpace

    @property
    def num_classes(self) -> int:
        """Number of classes, which is also the channel of "no object"."""
        return len(self.labels.thing_ids) + len(self.labels.stuff_ids)

    def targets(self, example: Example, size: tuple[Any, Any]) -> MaskTargets:
        """Returns the masks of a batch, subsampled to a size.

        Args:
          example: batch with `semantic_gt`, `thing_id_mask_gt` and `thing_id_class_gt`.
          size: (height, width) of the predicted masks.

        Raises:
          ValueError: the example has no thing masks.
        """
        if example.thing_id_mask_gt is None:
            raise ValueError(
                "the examples have no thing masks: set thing_id_mask_annotations"
            )
        thing_ids, stuff_ids = self.labels.thing_ids, self.labels.stuff_ids
        semantic, thing = (
            tf.reshape(subsample(values, size), [tf.shape(values)[0], -1])
            for values in (example.semantic_gt, example.thing_id_mask_gt)
        )
        things = known_size(example.thing_id_class_gt, 1)
        is_thing = thing >= 0
        stuff = _position(semantic, stuff_ids)
        number = tf.where(stuff >= 0, things + stuff, -1)
        number = tf.where(is_thing, thing, number)
        area = mask_areas(number, things + len(stuff_ids))
        of_thing = _position(tf.cast(example.thing_id_class_gt, tf.int32), thing_ids)
        of_stuff = tf.range(len(thing_ids), self.num_classes)
        of_stuff = tf.broadcast_to(of_stuff, [tf.shape(of_thing)[0], len(stuff_ids)])
        channel = tf.concat([of_thing, of_stuff], axis=1)
        return MaskTargets(
            number=number,
            is_thing=is_thing,
            is_void=tf.equal(semantic, self.labels.ignore_label),
            area=area,
            channel=tf.where(area > 0, channel, -1),
        )


def area_logits(targets: MaskTargets, temperature: float) -> tf.Tensor:
    """Returns log-probabilities that favour the pixels of small masks.

    CMT-DeepLab: Clustering Mask Transformers for Panoptic Segmentation, Qihang Yu,
    Huiyu Wang, Dahun Kim, Siyuan Qiao, Maxwell Collins, Yukun Zhu, Hartwig Adam, Alan
    Yuille, Liang-Chieh Chen, CVPR 2022, https://arxiv.org/abs/2206.08948. At
    temperature 1, all masks have equal shares of the drawn pixels. The published code
    treats crowd as the smallest mask; here, pixels without a mask are drawn last.

    Args:
      targets: the masks.
      temperature: at 0, all pixels are equally likely.

    Returns:
      [b, pixels] float32, up to an additive constant.
    """
    area = tf.gather(targets.area, tf.maximum(targets.number, 0), batch_dims=1)
    logits = -temperature * tf.math.log(tf.maximum(area, 1.0))
    return tf.where(targets.number >= 0, logits, float("-inf"))


def _position(class_id: tf.Tensor, ids: tuple[int, ...]) -> tf.Tensor:
    """Returns the positions of class ids in `ids`, -1 for others; in the same shape."""
    table = [-1] * (max(ids, default=0) + 2)
    for position, one in enumerate(ids):
        table[one] = position
    known = (class_id >= 0) & (class_id < len(table))
    # The last entry belongs to no class.
    return tf.gather(tf.constant(table), tf.where(known, class_id, len(table) - 1))
