"""Computes the targets of an example from its maps or its image class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from deeplab.core.dataset_info import DatasetInfo
from deeplab.data.pipeline_config import PipelineConfig
from deeplab.data.targets import TARGETS
from deeplab.data.targets.segments import Frames, Segments


class ExampleTargets:
    """Computes the training targets of an architecture."""

    def __init__(self, names: Sequence[str], config: PipelineConfig, info: DatasetInfo):
        """Computes the targets registered as `names` for a pipeline's examples."""
        self._targets = [TARGETS.get(name) for name in names]
        self._options = config.target_options
        self._image_class = config.image_class
        self._info = info

    def __call__(
        self,
        record: Mapping[str, tf.Tensor],
        maps: Mapping[str, tf.Tensor],
        seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Returns the targets: the class of the image, or those made from its maps.

        Args:
          record: the decoded record, see `parse_example`.
          maps: the maps that exist, at the size of the model's input.
          seed: [2] integers, the seed of random targets; None outside training.
        """
        if self._image_class:
            return {"class_gt": record["class_id"]}
        frames = self._frames(maps, seed)
        fields: dict[str, tf.Tensor] = {}
        for target in self._targets:
            fields |= target(frames, self._options)
        for value in fields.values():
            if value.shape.rank > 1:
                value.set_shape([*maps["label"].shape, *value.shape[2:]])
        return fields

    def _frames(self, maps: Mapping[str, tf.Tensor], seed: tf.Tensor | None) -> Frames:
        segments = {
            name: Segments(value, self._info)
            for name, value in maps.items()
            if name != "depth"
        }
        return Frames(
            segments["label"],
            segments.get("previous_label"),
            segments.get("next_label"),
            maps.get("depth"),
            seed,
        )
