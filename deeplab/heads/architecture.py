"""The record of an architecture: everything that the library needs to know about it.

The record is declared and registered at the bottom of the file of its head. The
factory, trainer, evaluator and checks read only the record and do not depend on any
particular architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deeplab.core.dataset_info import DatasetInfo
from deeplab.core.specs import FeatureSpec, NormConfig, PixelSampling
from deeplab.heads.base import Head
from deeplab.protos.model_pb2 import ModelOptions

BuildHead = Callable[
    [ModelOptions, Mapping[str, FeatureSpec], NormConfig, DatasetInfo], Head
]


def _always(options: ModelOptions) -> bool:
    del options
    return True


@dataclass(frozen=True)
class Selection:
    """How a config selects an architecture.

    Attributes:
      message: field of `ModelOptions.meta_architecture` that contains its options.
      num_classes: returns the number of class channels that the model options set.
      applies: tells apart the architectures that share a message: whether the model
        options select this one.
      without_effect: config fields or messages that have no effect on this
        architecture, although published configs set them.
    """

    message: str
    num_classes: Callable[[ModelOptions], int]
    applies: Callable[[ModelOptions], bool] = _always
    without_effect: tuple[str, ...] = ()


@dataclass(frozen=True)
class LastLayers:
    """Checkpoint items that depend on what is predicted, by kind.

    They are not restored from an initial checkpoint that was trained on other classes.

    Attributes:
      semantic: items whose shapes depend on the classes.
      instance: items that predict instances.
    """

    semantic: tuple[str, ...] = ()
    instance: tuple[str, ...] = ()


@dataclass(frozen=True)
class DefaultTerm:
    """A loss term of an architecture.

    Attributes:
      kind: name of the loss, for terms that offer a choice.
      weight: factor of the term if the config does not set the term.
      reads: output field that the term reads, if it is not the usual one.
      sampling: returns the pixel sampling that the model options set; None for terms
        that do not sample.
    """

    kind: str = ""
    weight: float = 1.0
    reads: str = ""
    sampling: Callable[[ModelOptions], PixelSampling] | None = None


@dataclass(frozen=True)
class AuxiliaryTerms:
    """Loss terms that apply to an auxiliary output unless the config overrides them.

    Attributes:
      weights: name in `LOSSES` -> factor, in addition to the weight of the term itself.
      separator: placed between the names of the output and the term in logs.
    """

    weights: Mapping[str, float]
    separator: str = "_"


@dataclass(frozen=True)
class Learning:
    """What an architecture learns from.

    Attributes:
      targets: names in `TARGETS` of what the input pipeline computes.
      terms: name in `LOSSES` -> the term; the names are fields of `LossOptions` or
        entries of its `extra_loss`.
      auxiliary: terms that apply to each auxiliary output of the head; None if the
        head has no auxiliary outputs.
      image_class: whether an image has a single class instead of a label map.
    """

    targets: tuple[str, ...]
    terms: Mapping[str, DefaultTerm]
    auxiliary: AuxiliaryTerms | None = None
    image_class: bool = False


@dataclass(frozen=True)
class Evaluation:
    """How the outputs of an architecture are post-processed and evaluated.

    Attributes:
      postprocessor: name in `POSTPROCESSORS`.
      metrics: names in `METRICS`.
      main_metric: logged name of the metric that selects the best checkpoint.
    """

    postprocessor: str
    metrics: tuple[str, ...]
    main_metric: str


@dataclass(frozen=True)
class FrameInput:
    """Which frames of a video an architecture takes.

    Attributes:
      forward: name in `FORWARD_PASSES`.
      video_state: name in `VIDEO_STATES`; empty for single-image models.
      input_channels: channels of the model's input images.
    """

    forward: str = "single_frame"
    video_state: str = ""
    input_channels: int = 3


@dataclass(frozen=True)
class Architecture:
    """The record of an architecture.

    Attributes:
      selection: how a config selects it.
      build_head: builds its head for the features of a backbone.
      learning: targets and losses.
      evaluation: post-processing and metrics.
      last_layers: checkpoint items that are not restored when the classes differ.
      frames: which frames of a video it takes.
      tiny_configs: `ModelOptions` textprotos of very small models with 5 classes, for
        the contract tests. They take features "res2", "res3" and "res5" (strides 4, 8
        and 16), those of a memory path, or those of a kMaX encoder.
    """

    selection: Selection
    build_head: BuildHead
    learning: Learning
    evaluation: Evaluation
    last_layers: LastLayers = field(default_factory=LastLayers)
    frames: FrameInput = field(default_factory=FrameInput)
    tiny_configs: tuple[str, ...] = ()
