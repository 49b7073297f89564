"""Record entries that all semantic segmentation architectures share."""

from __future__ import annotations

from deeplab.heads.architecture import DefaultTerm, Evaluation, LastLayers, Learning

SEMANTIC_LEARNING = Learning(
    targets=("semantic",), terms={"semantic_loss": DefaultTerm("softmax_cross_entropy")}
)
SEMANTIC_EVALUATION = Evaluation(
    postprocessor="semantic", metrics=("mean_iou",), main_metric="mean_iou/miou"
)
SEMANTIC_LAST_LAYERS = LastLayers(semantic=("semantic_last_layer",))

# Options for instances that published semantic configs set, although without effect.
WITHOUT_INSTANCES = (
    "evaluator_options.center_score_threshold",
    "evaluator_options.nms_kernel",
    "evaluator_options.keep_k_centers",
    "evaluator_options.stuff_area_limit",
    "evaluator_options.detailed_ap_metrics",
    "trainer_options.loss_options.center_loss",
    "trainer_options.loss_options.regression_loss",
)
