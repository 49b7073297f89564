"""Post-processing of mask transformers: from masks and classes to a panoptic map.

The option `transformer_post_processing` selects one of two methods: `masks_pixelwise`
(MaX-DeepLab) or `masks_maskwise` (kMaX-DeepLab). Both take batches and images of any
size, and compile under XLA.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.labels import LabelSpace
from deeplab.core.structures import Prediction
from deeplab.ops.resize import resize_bilinear, spatial_size
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.base import PostProcessor
from deeplab.postprocess.mask_merging import (
    MaskClasses,
    MaskRegions,
    classify_masks,
    merge_masks,
)
from deeplab.postprocess.masks_maskwise import MaskwiseOptions, maskwise_regions
from deeplab.postprocess.masks_pixelwise import pixelwise_regions
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

# Mask logits at the stride of the masks, the same at image size, and the classes of
# the masks -> which mask covers which pixel.
FindRegions = Callable[[tf.Tensor, tf.Tensor, MaskClasses], MaskRegions]


class MaskPostProcessor:
    """Assigns the class and the number of a mask, or void, to every pixel."""

    def __init__(
        self,
        *,
        find_regions: FindRegions,
        labels: LabelSpace,
        thing_area_limit: int = 0,
        stuff_area_limit: int = 0,
    ):
        """Makes the post-processor.

        Args:
          find_regions: decides which mask covers which pixel.
          labels: meaning of the labels; the class channels are its things, then its
            stuff.
          thing_area_limit: things with fewer pixels become void.
          stuff_area_limit: stuff classes with fewer pixels in an image become void.

        Raises:
          ValueError: an area limit is negative.
        """
        for name, limit in (
            ("thing_area_limit", thing_area_limit),
            ("stuff_area_limit", stuff_area_limit),
        ):
            if limit < 0:
                raise ValueError(f"{name} must be at least 0, but is {limit}")
        self._find_regions = find_regions
        self._labels = labels
        self._class_ids = (*labels.thing_ids, *labels.stuff_ids)
        self._thing_area_limit = thing_area_limit
        self._stuff_area_limit = stuff_area_limit

    def __call__(self, prediction: Prediction, images: tf.Tensor) -> Prediction:
        """Returns the prediction with its discrete maps filled in.

        Args:
          prediction: prediction of a batch, with `pixel_space_mask_logits` and
            `transformer_class_logits`.
          images: `[b, h, w, c]`; the maps get this height and width.

        Returns:
          The same with `panoptic_pred`, `semantic_pred` (without any threshold),
          `instance_pred` (the number of the mask, from 1, stuff included),
          `instance_scores` and `semantic_scores`.

        Raises:
          ValueError: the number of class logits does not fit the data set.
        """
        coarse = tf.cast(prediction.pixel_space_mask_logits, tf.float32)
        class_logits = prediction.transformer_class_logits
        if class_logits.shape[-1] != len(self._class_ids) + 1:
            raise ValueError(
                f"transformer_class_logits have {class_logits.shape[-1]} channels, but "
                f"the data set has {len(self._class_ids)} classes, plus one channel "
                'for "no object"'
            )
        logits = resize_bilinear(coarse, spatial_size(images))
        classes = classify_masks(class_logits)
        regions = self._find_regions(coarse, logits, classes)
        best = tf.argmax(logits, axis=-1, output_type=tf.int32)
        class_id = tf.gather(tf.constant(self._class_ids, tf.int32), classes.channel)
        panoptic = merge_masks(
            regions,
            labels=self._labels,
            thing_area_limit=self._thing_area_limit,
            stuff_area_limit=self._stuff_area_limit,
        )
        return prediction._replace(
            panoptic_pred=panoptic,
            semantic_pred=tf.gather(class_id, best, batch_dims=1),
            instance_pred=regions.index + 1,
            instance_scores=regions.instance_scores,
            semantic_scores=regions.semantic_scores,
        )


@POSTPROCESSORS.register("masks")
def build_masks(options: EvaluatorOptions, info: DatasetInfo) -> PostProcessor:
    """Returns the post-processor that the evaluator options describe.

    Raises:
      ValueError: `transformer_post_processing` is unknown.
    """
    ways = {"pixelwise": _pixelwise, "maskwise": _maskwise}
    way = options.transformer_post_processing
    if way not in ways:
        raise ValueError(
            f"evaluator_options.transformer_post_processing {way!r}: choose one of "
            f"{', '.join(ways)}"
        )
    return MaskPostProcessor(
        find_regions=ways[way](options, info),
        labels=info.label_space,
        thing_area_limit=options.thing_area_limit,
        stuff_area_limit=options.stuff_area_limit,
    )


def _pixelwise(options: EvaluatorOptions, info: DatasetInfo) -> FindRegions:
    del info
    thresholds = {
        "class_threshold": options.transformer_class_confidence_threshold,
        "pixel_threshold": options.pixel_confidence_threshold,
    }
    return lambda _, logits, classes: pixelwise_regions(logits, classes, **thresholds)


def _maskwise(options: EvaluatorOptions, info: DatasetInfo) -> FindRegions:
    given = options.maskwise_postprocessing
    chosen = MaskwiseOptions(
        thing_threshold=given.transformer_class_confidence_threshold_thing,
        stuff_threshold=given.transformer_class_confidence_threshold_stuff,
        overlap_threshold=given.overlapping_threshold,
        class_power=given.reorder_class_weight,
        mask_power=given.reorder_mask_weight,
        pixel_threshold=options.pixel_confidence_threshold,
    )
    return lambda coarse, logits, classes: maskwise_regions(
        coarse,
        logits,
        classes,
        num_thing_classes=len(info.thing_ids),
        options=chosen,
    )
