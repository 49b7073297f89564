"""One record per architecture: which parts make it up, by registered name.

Adding an architecture adds a record here; the factory, the trainer and the
evaluator read records and know no architecture by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Family:
    """The parts of an architecture.

    Attributes:
      model: name in `MODELS`.
      head: name in `HEADS`.
      targets: names in `TARGETS`; what the input pipeline computes.
      losses: names in `LOSSES`, which are the fields of `LossOptions`.
      postprocessor: name in `POSTPROCESSORS`.
      metrics: names in `METRICS`.
      main_metric: logged name of the metric that picks the best checkpoint.
      without_effect: config fields (or messages) that say nothing to this
        architecture, although published configs set them.
      image_class: whether an image has one class in place of a label map.
      sampled_losses: name of a loss -> start of the fields of the architecture's
        message that say which pixels it draws: `<start>_sample_k` and
        `<start>_sample_temperature`.
    """

    model: str
    head: str
    targets: tuple[str, ...]
    losses: tuple[str, ...]
    postprocessor: str
    metrics: tuple[str, ...]
    main_metric: str
    without_effect: tuple[str, ...] = ()
    image_class: bool = False
    sampled_losses: Mapping[str, str] = field(default_factory=dict)


_CENTER_OPTIONS = (
    "evaluator_options.center_score_threshold",
    "evaluator_options.nms_kernel",
    "evaluator_options.keep_k_centers",
    "evaluator_options.stuff_area_limit",
    "evaluator_options.detailed_ap_metrics",
    "trainer_options.loss_options.center_loss",
    "trainer_options.loss_options.regression_loss",
)


def _semantic(head: str, without_effect: tuple[str, ...] = ()) -> Family:
    return Family(
        model="image_segmenter",
        head=head,
        targets=("semantic",),
        losses=("semantic_loss",),
        postprocessor="semantic",
        metrics=("mean_iou",),
        main_metric="mean_iou/miou",
        without_effect=_CENTER_OPTIONS + without_effect,
    )


def _vip_deeplab(
    targets: tuple[str, ...] = (),
    losses: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (),
) -> Family:
    return Family(
        model="vip_deeplab",
        head="vip_deeplab",
        targets=("semantic", "centers", "next_frame", *targets),
        losses=(
            "semantic_loss",
            "center_loss",
            "regression_loss",
            "next_regression_loss",
            *losses,
        ),
        postprocessor="video_stitching",
        metrics=("vpq", "vpq_2frames", "panoptic_quality", "mean_iou", *metrics),
        main_metric="vpq/all",
    )


FAMILIES = {
    "deeplab_v3": _semantic("deeplab_v3"),
    "deeplab_v3_plus": _semantic("deeplab_v3_plus"),
    "panoptic_deeplab": Family(
        model="image_segmenter",
        head="panoptic_deeplab",
        targets=("semantic", "centers"),
        losses=("semantic_loss", "center_loss", "regression_loss"),
        postprocessor="center_offset",
        metrics=("panoptic_quality", "mean_iou", "instance_ap"),
        main_metric="panoptic_quality/all/pq",
    ),
    "panoptic_deeplab_semantic": _semantic(
        "panoptic_deeplab", ("model_options.panoptic_deeplab.instance",)
    ),
    "max_deeplab": Family(
        model="mask_transformer",
        head="max_deeplab",
        targets=("semantic", "thing_masks"),
        losses=(
            "semantic_loss",
            "pq_style_loss",
            "mask_id_cross_entropy_loss",
            "instance_discrimination_loss",
        ),
        postprocessor="masks",
        metrics=("panoptic_quality", "mean_iou", "instance_ap"),
        main_metric="panoptic_quality/all/pq",
        # kMaX-DeepLab has no semantic decoder on Cityscapes, and fixed encoders.
        without_effect=(
            "model_options.decoder",
            "model_options.max_deeplab.auxiliary_low_level",
            "model_options.backbone.output_stride",
        ),
        sampled_losses={
            "semantic_loss": "semantic",
            "instance_discrimination_loss": "instance_discrimination",
        },
    ),
    "motion_deeplab": Family(
        model="motion_deeplab",
        head="motion_deeplab",
        targets=("semantic", "centers", "motion"),
        losses=("semantic_loss", "center_loss", "regression_loss", "motion_loss"),
        postprocessor="track_assignment",
        metrics=("stq", "panoptic_quality", "mean_iou"),
        main_metric="stq/stq",
    ),
    "vip_deeplab": _vip_deeplab(
        targets=("depth",), losses=("depth_loss",), metrics=("depth",)
    ),
    "vip_deeplab_without_depth": _vip_deeplab(),
    "classifier": Family(
        model="classifier",
        head="image_classifier",
        targets=(),
        losses=("class_loss",),
        postprocessor="image_class",
        metrics=("top_k_accuracy",),
        main_metric="top_k_accuracy/top_1",
        image_class=True,
    ),
}


def family_of(model_options: Any) -> Family:
    """Returns the record of the architecture that a config selects.

    Args:
      model_options: a `ModelOptions` message.

    Raises:
      ValueError: no architecture is selected, or it is not built in.
    """
    name = model_options.WhichOneof("meta_architecture")
    if name is None:
        raise ValueError(
            "model_options: no architecture is set; add one of: "
            "deeplab_v3 {}, deeplab_v3_plus {}, panoptic_deeplab {}, max_deeplab {}, "
            "motion_deeplab {}, vip_deeplab {}, classifier {}"
        )
    if (
        name == "panoptic_deeplab"
        and not model_options.panoptic_deeplab.instance.enable
    ):
        name = "panoptic_deeplab_semantic"
    if name == "vip_deeplab" and not model_options.vip_deeplab.HasField("depth_head"):
        name = "vip_deeplab_without_depth"
    if name not in FAMILIES:
        raise ValueError(
            f"model_options.{name}: this architecture is not built in yet; built in: "
            f"{', '.join(FAMILIES)}"
        )
    return FAMILIES[name]
