"""What an architecture is: everything that the library needs to know of one.

It is declared and registered at the bottom of the file of its head. Factory, trainer,
evaluator and checks read the record, and know no architecture by name.
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
      message: the field of `ModelOptions.meta_architecture` with its options.
      num_classes: from the model options to the channels of the output of classes.
      applies: which of the architectures of one message is meant.
      without_effect: fields of a config, or messages, that say nothing to this
        architecture, although published configs set them.
    """

    message: str
    num_classes: Callable[[ModelOptions], int]
    applies: Callable[[ModelOptions], bool] = _always
    without_effect: tuple[str, ...] = ()


@dataclass(frozen=True)
class LastLayers:
    """Checkpoint items that depend on what is predicted, by kind.

    They are left out where an initial checkpoint is of other classes.

    Attributes:
      semantic: items whose shape depends on the classes.
      instance: items that predict instances.
    """

    semantic: tuple[str, ...] = ()
    instance: tuple[str, ...] = ()


@dataclass(frozen=True)
class DefaultTerm:
    """A loss term of an architecture.

    Attributes:
      kind: what is computed, where a term offers a choice.
      weight: factor of the term where the config sets no term.
      reads: the field of the output that the term reads, where it is not the usual
        one.
      sampling: which pixels count, from the model options; None for terms that draw
        none.
    """

    kind: str = ""
    weight: float = 1.0
    reads: str = ""
    sampling: Callable[[ModelOptions], PixelSampling] | None = None


@dataclass(frozen=True)
class AuxiliaryTerms:
    """Which terms count for an auxiliary output unless the config says otherwise.

    Attributes:
      weights: name in `LOSSES` -> factor besides the weight of the term itself.
      separator: stands between the output's name and the term's in logs.
    """

    weights: Mapping[str, float]
    separator: str = "_"


@dataclass(frozen=True)
class Learning:
    """What an architecture learns from.

    Attributes:
      targets: names in `TARGETS`; what the input pipeline computes.
      terms: name in `LOSSES` -> the term; the names are fields of `LossOptions` or
        stand in its `extra_loss`.
      auxiliary: what counts for each auxiliary output of the head; None if it has
        none.
      image_class: whether an image has one class in place of a label map.
    """

    targets: tuple[str, ...]
    terms: Mapping[str, DefaultTerm]
    auxiliary: AuxiliaryTerms | None = None
    image_class: bool = False


@dataclass(frozen=True)
class Evaluation:
    """How the outputs of an architecture become results.

    Attributes:
      postprocessor: name in `POSTPROCESSORS`.
      metrics: names in `METRICS`.
      main_metric: logged name of the metric that picks the best checkpoint.
    """

    postprocessor: str
    metrics: tuple[str, ...]
    main_metric: str


@dataclass(frozen=True)
class Frames:
    """What an architecture sees of a video.

    Attributes:
      forward: name in `FORWARD_PASSES`.
      video_state: name in `VIDEO_STATES`; empty for models of single images.
      input_channels: channels of the images that the model takes.
    """

    forward: str = "single_frame"
    video_state: str = ""
    input_channels: int = 3


@dataclass(frozen=True)
class Architecture:
    """The record of an architecture.

    Attributes:
      selection: how a config selects it.
      build_head: makes its head for the features of a backbone.
      learning: targets and losses.
      evaluation: post-processing and metrics.
      last_layers: for other classes.
      frames: what it sees of a video.
      tiny_configs: `ModelOptions` textprotos of very small models of it, for 5
        classes, on features "res2", "res3", "res5" (strides 4, 8, 16), those of a
        memory path or those of a kMaX encoder: what the contract tests build.
    """

    selection: Selection
    build_head: BuildHead
    learning: Learning
    evaluation: Evaluation
    last_layers: LastLayers = field(default_factory=LastLayers)
    frames: Frames = field(default_factory=Frames)
    tiny_configs: tuple[str, ...] = ()
