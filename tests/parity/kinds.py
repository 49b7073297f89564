"""What each kind of record is compared with: one table for each collection.

A collection is a folder of records. To add one, add its table to `COLLECTIONS`; to
add a kind, a row: what the names of its records begin with, a field that it alone
holds where that does not suffice, and the function that compares. Records of a kind
that is here need no edit: they are found by lying in the folder.
"""

from functools import partial

from tests.parity import models, training
from tests.parity.backbones import check_backbone
from tests.parity.components import (
    center_offset,
    depth_errors,
    instance_ap,
    losses,
    masks,
    panoptic_quality,
    tracking_quality,
    videos,
)
from tests.parity.components.targets import Targets
from tests.parity.records import Collection, Kind


def compiled(check):
    """Returns the ways of a check of what runs under XLA as well."""
    return {"graph": check, "xla": partial(check, jit_compile=True)}


def traced(check):
    """Returns the ways of a check of what runs in a graph as well."""
    return {"eager": check, "graph": partial(check, as_graph=True)}


MOTION = Targets("kitti_step", ("semantic", "centers", "motion"), previous_frame=True)
NEXT_FRAME = Targets(
    "cityscapes_dvps", ("semantic", "centers", "next_frame", "depth"), next_frame=True
)
THING_MASKS = Targets("cityscapes_panoptic", ("semantic", "centers", "thing_masks"))
SMALL_WEIGHTS = Targets(
    "cityscapes_panoptic", ("semantic", "centers"), small_instances=(200, 3.0)
)
CENTERS = Targets("cityscapes_panoptic", ("semantic", "centers"))

COMPONENTS = (
    Kind(MOTION, "targets_", holds="input_prev_label"),
    Kind(NEXT_FRAME, "targets_", holds="input_next_label"),
    Kind(THING_MASKS, "targets_", holds="thing_id_mask_gt"),
    Kind(SMALL_WEIGHTS, "targets_small_weights"),
    Kind(CENTERS, "targets_"),
    Kind(start="loss_", ways=compiled(losses.check)),
    Kind(start="postprocess_", holds="mask_logits", ways=compiled(masks.check)),
    Kind(
        start="postprocess_",
        holds="center_heatmap",
        ways=compiled(center_offset.check),
    ),
    Kind(
        start="postprocess_", holds="frame_offset_0", ways=traced(videos.check_tracks)
    ),
    Kind(videos.check_stitched, "postprocess_", holds="stitched"),
    Kind(instance_ap.check_instance_ap, "metric_", holds="ap12"),
    Kind(tracking_quality.check_stq, "metric_", holds="STQ"),
    Kind(panoptic_quality.check_vpq, "metric_vpq_2frames"),
    Kind(panoptic_quality.check_quality, "metric_panoptic_quality"),
    Kind(depth_errors.check_depth, "metric_", holds="silog_sqrel_absrel_inlier"),
)
OFFICIAL = (Kind(panoptic_quality.check_official_quality, holds="pq_sq_rq_n_all"),)
MODELS = (Kind(models.check_model, holds="config_text"),)
BACKBONES = (Kind(check_backbone, holds="backbone"),)
TRAIN = (Kind(training.check_training_pass, holds="gradient_norm"),)

COLLECTIONS = {
    "backbones": Collection(BACKBONES, models.is_slow),
    "components": Collection(COMPONENTS),
    "models": Collection(MODELS, models.is_slow),
    "official": Collection(OFFICIAL),
    "train": Collection(TRAIN, training.is_slow),
}
