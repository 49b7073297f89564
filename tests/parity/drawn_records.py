"""Records of our own: kinds of the published ones, of any size, classes and seed.

    python -m tests.parity.drawn_records FOLDER
    DEEPLAB_PARITY_RECORDS=FOLDER pytest tests/parity/records_test.py

They hold what this library computes and say nothing of the published code. They say
that the tests take sizes, classes and seeds from the records alone.
"""

import gzip
import json
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from deeplab.core.structures import present
from tests.parity import kinds, models, parity, scenes, training
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
from tests.parity.records import SHIPPED, records_in

CENTER_LOSSES = """
semantic_loss { name: "softmax_cross_entropy" weight: 0.7 top_k_percent: 0.3 }
center_loss { name: "mse" weight: 100 }
regression_loss { name: "l1" weight: 0.1 }
motion_loss { name: "l1" weight: 0.2 }
next_regression_loss { name: "l1" weight: 0.3 }
depth_loss { name: "depth_loss" weight: 2 }
"""
MASK_LOSSES = """
semantic_loss { name: "softmax_cross_entropy" weight: 2 }
pq_style_loss { weight: 1.5 }
mask_id_cross_entropy_loss { weight: 0.6 }
instance_discrimination_loss { weight: 0.5 }
"""


# Fields of examples that the published code has not.
UNRECORDED = ("image_filename", "resized_size", "input_size", "sequence_id", "frame_id")


class Size(NamedTuple):
    """What the drawn records differ in.

    Attributes:
      height: pixels, a multiple of 32, and 1.
      width: pixels, a multiple of 32, and 1.
      things: class ids.
      stuff: class ids.
      seed: seed of all random numbers.
    """

    height: int
    width: int
    things: tuple[int, ...]
    stuff: tuple[int, ...]
    seed: int

    @property
    def image(self):
        return self.height, self.width

    @property
    def channels(self):
        return len(self.things) + len(self.stuff)

    @property
    def thing_classes(self):
        return np.array(self.things)

    def panoptic(self, place):
        """Returns a label map; the place in the record makes it differ from others."""
        return scenes.panoptic(
            *self.image, self.seed + place, things=self.things, stuff=self.stuff
        )

    def perturbed(self, labels, place):
        """Returns a prediction of a label map."""
        return scenes.perturb(labels, self.seed + place, things=self.things)


def softmax(logits):
    values = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (values / values.sum(axis=-1, keepdims=True)).astype("float32")


def draw_targets(size, rng, folder):
    """Yields targets of images that fit, are padded, are resized, or have others."""

    def pictures(place, shape=size.image, start="input_"):
        return {
            f"{start}image": rng.integers(0, 256, (*shape, 3), np.uint8),
            f"{start}label": scenes.panoptic(*shape, size.seed + place)[..., None],
        }

    height, width = size.image
    pair = {
        **pictures(0),
        **pictures(1, start="input_next_"),
        "input_depth": rng.integers(0, 20000, (*size.image, 1), np.int32),
    }
    drawn = {
        "same_size": (kinds.CENTERS, pictures(0)),
        "pad": (kinds.CENTERS, pictures(1, (height - 9, width - 5))),
        "resize": (kinds.CENTERS, pictures(2, (2 * height + 3, 2 * width - 9))),
        "small_weights": (kinds.SMALL_WEIGHTS, pictures(3)),
        "thing_mask": (kinds.THING_MASKS, pictures(4)),
        "vip_deeplab": (kinds.NEXT_FRAME, pair),
        "motion_deeplab": (
            kinds.MOTION,
            {**pictures(5), **pictures(6, start="input_prev_")},
        ),
    }
    for name, (targets, inputs) in drawn.items():
        known = {"resized_image": inputs["input_image"]}
        if name == "resize":
            known = {"resized_image": np.zeros([*size.image, 3])}
        if name == "thing_mask":
            known["thing_id_class_gt"] = np.zeros(24)
        computed = targets.compute(inputs | known, folder, size.image)
        for unrecorded in UNRECORDED:
            computed.pop(unrecorded, None)
        yield f"targets_{name}", inputs | computed


def draw_losses(size, rng, _):
    """Yields the losses of centres and offsets, and those of masks."""

    def random(*ending):
        return rng.random([2, *size.image, *ending], "float32")

    semantic = np.stack([size.panoptic(i) for i in (0, 1)]) // scenes.DIVISOR
    known = {
        "y_true/semantic_gt": semantic,
        "y_true/semantic_loss_weight": random(),
    }
    centers = {
        "y_true/instance_center_gt": random(),
        "y_true/center_loss_weight": np.round(random()),
        "y_true/depth_gt": np.round(random()) * 40,
        "y_pred/semantic_logits": random(size.channels),
        "y_pred/center_heatmap": random(),
        "y_pred/depth_pred": 1 + random(),
    }
    for kind, weight, offsets in (
        ("instance_regression_gt", "regression_loss_weight", "offset_map"),
        ("frame_offset_gt", "frame_regression_loss_weight", "frame_offset_map"),
        (
            "next_instance_regression_gt",
            "next_regression_loss_weight",
            "next_offset_map",
        ),
    ):
        centers[f"y_true/{kind}"] = 9 * random(2)
        centers[f"y_true/{weight}"] = np.round(random())
        centers[f"y_pred/{offsets}"] = 9 * random(2)
    fields = known | centers | {"loss_options": np.array(CENTER_LOSSES)}
    yield "loss_panoptic_deeplab", fields | losses.compute(fields)

    coarse = (2, size.height // 4 + 1, size.width // 4 + 1)
    thing_classes = np.full((2, 12), -1, "float32")
    thing_classes[:, :5] = rng.choice(size.things, (2, 5))
    features = rng.normal(size=(*coarse, 6)).astype("float32")
    masks_fields = {
        "thing_classes": size.thing_classes,
        "y_true/thing_id_mask_gt": rng.integers(-1, 5, (2, *size.image), np.int32),
        "y_true/thing_id_class_gt": thing_classes,
        "y_pred/semantic_logits": rng.random((*coarse, size.channels), "float32"),
        "y_pred/pixel_space_normalized_feature": features
        / np.linalg.norm(features, axis=-1, keepdims=True),
        "y_pred/pixel_space_mask_logits": 3 * rng.random((*coarse, 20), "float32"),
        "y_pred/transformer_class_logits": rng.random(
            (2, 20, size.channels + 1), "float32"
        ),
    }
    fields = known | masks_fields | {"loss_options": np.array(MASK_LOSSES)}
    yield "loss_max_deeplab", fields | losses.compute(fields)


def draw_postprocessing(size, rng, _):
    """Yields what is made of centres, of masks, of frames and of pairs of frames."""
    coarse = (1, size.height // 4 + 1, size.width // 4 + 1)
    fields = {
        "semantic_probabilities": softmax(
            rng.normal(size=(1, *size.image, size.channels))
        ),
        "center_heatmap": rng.random((1, *size.image, 1), "float32"),
        "offset_map": rng.normal(0, 9, (1, *size.image, 2)).astype("float32"),
        "thing_classes": size.thing_classes,
        "center_threshold": np.float32(0.2),
        "stuff_area_limit": np.int32(9),
        "nms_kernel": np.int32(5),
        "keep_k_centers": np.int32(30),
    }
    yield "postprocess_panoptic_deeplab", fields | center_offset.compute(fields)

    fields = {
        "mask_logits": rng.normal(0, 4, (*coarse, 14)).astype("float32"),
        "class_logits": rng.normal(0, 4, (1, 14, size.channels + 1)).astype("float32"),
        "thing_classes": size.thing_classes,
        "thing_area_limit": np.int32(3),
        "stuff_area_limit": np.int32(5),
        **{name: np.float32(0.3) for name in (*masks.SCALARS[2:], *masks.MASKWISE)},
    }
    known = {"panoptic_pixelwise": np.zeros((1, 1, *size.image))}
    yield "postprocess_max_deeplab", fields | masks.compute(fields | known)

    frames = {}
    for i in range(3):
        frames[f"panoptic_{i}"] = size.panoptic(i % 2)
        offsets = rng.normal(0, 2, (1, *size.image, 2))
        frames[f"frame_offset_{i}"] = offsets.astype("float32")
    yield "postprocess_motion_tracking", frames | videos.compute_tracks(frames)

    labels = size.panoptic(0)
    pair = {
        "concat_panoptic": labels.astype(np.int64),
        "next_panoptic": size.perturbed(labels, 1),
    }
    yield "postprocess_video_stitch", pair | videos.compute_stitched(pair)


def draw_metrics(size, rng, _):
    """Yields the qualities of label maps and of depths."""
    truth = np.stack([size.panoptic(i) for i in range(5)]).astype(np.int64)
    prediction = np.stack([size.perturbed(t, i) for i, t in enumerate(truth)])
    maps = {"ground_truth": truth, "prediction": prediction.astype(np.int64)}
    known = {
        "thing_classes": size.thing_classes,
        "num_classes": np.int32(size.channels),
    }
    yield (
        "metric_panoptic_quality",
        maps | known | panoptic_quality.compute_quality(maps | known),
    )
    videos_of = maps | {"sequence": np.array([3, 3, 3, 8, 8])}
    quality = tracking_quality.compute_stq(videos_of | known)
    yield "metric_stq", videos_of | {"thing_classes": size.thing_classes} | quality
    yield "metric_vpq_2frames", panoptic_quality.compute_vpq(videos_of | known)
    fields = {
        "semantic_probabilities": softmax(
            rng.normal(size=(5, *size.image, size.channels))
        ),
        "instance_scores": rng.random((5, *size.image), "float32"),
        "is_crowd": np.zeros((5, *size.image), bool),
    }
    scores = instance_ap.compute_instance_ap(maps | known | fields)
    yield "metric_instance_ap", fields | scores
    depths = {
        "ground_truth": 80 * rng.random((2, *size.image), "float32"),
        "prediction": 1 + 80 * rng.random((2, *size.image), "float32"),
    }
    yield "metric_depth", depths | depth_errors.compute_depth(depths)


def draw_official(size, _, __):
    """Yields the panoptic quality of label maps."""
    truth = np.stack([size.panoptic(i) for i in range(3)])
    fields = {
        "ground_truth": truth,
        "prediction": np.stack([size.perturbed(t, i) for i, t in enumerate(truth)]),
        "thing_classes": size.thing_classes,
        "num_classes": np.int32(size.channels),
    }
    quality = panoptic_quality.compute_official_quality(fields)
    yield "panoptic_quality_official", fields | quality


# Collection -> what draws its records.
DRAWS = {
    "components": (draw_targets, draw_losses, draw_postprocessing, draw_metrics),
    "official": (draw_official,),
}


def write_drawn(folder, draw, size):
    """Writes the records that a function draws; returns the name of the collection."""
    (collection,) = (name for name, draws in DRAWS.items() if draw in draws)
    (folder / collection).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(size.seed)
    with tempfile.TemporaryDirectory() as temporary:
        for name, fields in draw(size, rng, Path(temporary)):
            np.savez_compressed(folder / collection / f"{name}.npz", **fields)
    return collection


def write_json(path, fields):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        json.dump(fields, file)


def summary_of(value, rng):
    """Returns a field of a prediction as records hold it."""
    value = value.numpy()
    index = rng.integers(0, value.size, 64)
    return {
        "shape": list(value.shape),
        "index": index.tolist(),
        "value": value.reshape(-1)[index].tolist(),
        "absmax": float(np.abs(value).max()),
    }


def draw_model(folder, size):
    """Writes the cheapest model of the shipped records for another image."""
    record = min(records_in(SHIPPED / "models"), key=models.cost)
    rng = np.random.default_rng(size.seed)
    fields = record.fields | {
        "input_shape": [1, *size.image, 3],
        "input_seed": size.seed,
    }
    model = models.built(fields)
    parity.fill_weights(model.checkpoint_items)
    prediction = models.as_published(present(models.predicted(model, fields)))
    fields["outputs"] = {
        name: summary_of(value, rng) for name, value in prediction.items()
    }
    write_json(folder / f"models/{record.name}_drawn.json.gz", fields)


def draw_training_pass(folder, size):
    """Writes a pass of the cheapest model with a training record, of other images."""
    record = min(records_in(SHIPPED / "train"), key=training.cost)
    fields = record.fields | {"crop_size": [*size.image], "seed": size.seed}
    with tempfile.TemporaryDirectory() as temporary:
        draws = training.training_draws(fields, Path(temporary), count=1)
    fields |= {
        "losses": {name: v.numpy().tolist() for name, v in draws.losses[0].items()},
        "gradient_norm": {name: float(v) for name, v in draws.norms[0].items()},
        "global_gradient_norm": float(draws.global_norms[0]),
    }
    write_json(folder / f"train/{record.name}_drawn.json.gz", fields)


def main(folder):
    """Writes records of every kind but the slow models."""
    size = Size(33, 65, things=(4, 5, 6), stuff=(0, 1, 2, 3), seed=70)
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    for draw in (draw for draws in DRAWS.values() for draw in draws):
        write_drawn(folder, draw, size)
    draw_model(folder, size)
    draw_training_pass(folder, Size(*size[:4], seed=12))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
