"""The plan of an experiment: its config, resolved once.

Factory, validation, trainer, export and the command line share a plan; no other code
looks up which architecture or data set a config selects.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from deeplab.config import description_dict
from deeplab.core.dataset_info import (
    UNNAMED,
    ClassInfo,
    DatasetInfo,
    described_dataset,
    distinct_color,
)
from deeplab.datasets import DATASETS
from deeplab.heads import selected_architecture
from deeplab.heads.architecture import Architecture
from deeplab.protos.config_pb2 import ExperimentOptions
from deeplab.protos.dataset_pb2 import DatasetOptions
from deeplab.read_tracker import untracked


@dataclass(frozen=True)
class ExperimentPlan:
    """A config and the architecture that it selects.

    Attributes:
      config: the config; may be tracked, see `deeplab.read_tracker`.
      name: registered name of the architecture.
      architecture: record of the architecture.
    """

    config: ExperimentOptions
    name: str
    architecture: Architecture

    @functools.cached_property
    def num_classes(self) -> int:
        """Number of classes that the config sets for the output."""
        return self.architecture.selection.num_classes(self.config.model_options)

    @functools.cached_property
    def info(self) -> DatasetInfo:
        """The data set that the model is built for.

        It is the training data set, or the evaluation data set if there is no other.
        If the config names neither, a model with 19 classes is taken to be for
        Cityscapes, as in the published examples; any other gets numbered classes with
        the ignore label and label divisor of Cityscapes.

        Raises:
          ValueError: the name is unknown or the description is inconsistent.
        """
        for options in (
            self.config.train_dataset_options,
            self.config.eval_dataset_options,
        ):
            if options.dataset or options.HasField("dataset_description"):
                return dataset_info(options)
        return _unnamed_dataset(self.num_classes)

    @property
    def data(self) -> DatasetOptions:
        """The options of the evaluation data, or of the training data without one."""
        if self.config.HasField("eval_dataset_options"):
            return self.config.eval_dataset_options
        return self.config.train_dataset_options

    @property
    def main_metric(self) -> str:
        """Logged name of the metric that picks the best checkpoint."""
        return (
            self.config.trainer_options.best_checkpoint_metric
            or self.architecture.evaluation.main_metric
        )


def resolve(config: ExperimentOptions | ExperimentPlan) -> ExperimentPlan:
    """Returns the plan of a config; returns a plan unchanged.

    Raises:
      ValueError: no architecture is selected, or its name is unknown.
    """
    if isinstance(config, ExperimentPlan):
        return config
    name, architecture = selected_architecture(config.model_options)
    return ExperimentPlan(config, name, architecture)


def dataset_info(options: DatasetOptions) -> DatasetInfo:
    """Returns the data set that a `DatasetOptions` message names or describes.

    Raises:
      ValueError: the name is unknown or the description is inconsistent.
    """
    if options.HasField("dataset_description"):
        description = untracked(options.dataset_description)
        return described_dataset(
            options.dataset or "described", description_dict(description)
        )
    return DATASETS.get(options.dataset)().info


def _unnamed_dataset(num_classes: int) -> DatasetInfo:
    cityscapes = DATASETS.get("cityscapes_panoptic")().info
    if num_classes == cityscapes.num_classes:
        return cityscapes
    classes = tuple(
        ClassInfo(i, f"class {i}", False, distinct_color(i, num_classes), i)
        for i in range(num_classes)
    )
    return DatasetInfo(
        UNNAMED, classes, num_classes, ignore_label=255, label_divisor=1000
    )
