"""From the drawn raw folder of every data set to two training steps and a score."""

import math
import shutil

import numpy as np
import pytest
from google.protobuf.json_format import ParseDict

import deeplab
from deeplab.cli.main import main
from deeplab.datasets import DATASETS
from deeplab.trainer import experiment
from tests.datasets import panoptic_trees, video_trees
from tests.datasets.coco_instances_test import coco_instances_tree
from tests.datasets.imagenet_test import imagenet_tree
from tests.datasets.index_trees import TREES
from tests.datasets.indoor_trees import nyuv2_tree, sun_rgbd_tree
from tests.datasets.trees import (
    DESCRIPTION,
    cityscapes_tree,
    coco_tree,
    folder_tree,
)
from tests.datasets.waymo import wod_tree
from tests.e2e import tiny_experiment, tiny_video

# (data set, split, function that draws it)
SEMANTIC = [
    *((tree.dataset, tree.split, tree.draw) for tree in TREES),
    ("nyuv2", "train", nyuv2_tree),
    ("sun_rgbd", "train", sun_rgbd_tree),
]
PANOPTIC = [
    ("ade20k_panoptic", "val", panoptic_trees.ade20k_tree),
    ("bdd100k_panoptic", "val", panoptic_trees.bdd100k_tree),
    (
        "cityscapes_dvps",
        "train",
        lambda root: video_trees.dvps_tree(root, "cityscapes_dvps"),
    ),
    ("cityscapes_panoptic", "val", lambda root: cityscapes_tree(root, "instanceIds")),
    ("coco_instances", "val", coco_instances_tree),
    ("coco_panoptic", "val", coco_tree),
    ("kitti_step", "train", video_trees.step_tree),
    ("motchallenge_step", "train", video_trees.motchallenge_tree),
    ("mapillary_vistas", "train", panoptic_trees.mapillary_panoptic_tree),
    (
        "semkitti_dvps",
        "train",
        lambda root: video_trees.dvps_tree(root, "semkitti_dvps"),
    ),
    ("wod_pvps_image_panoptic_seg", "train", wod_tree.wod_tree),
]


def train_and_evaluate(folder, name, split, draw, semantic, description=None):
    """Returns what an evaluation says after two steps on the data set.

    Args:
      folder: for everything.
      name: of the data set.
      split: of it, with a drawn tree.
      draw: draws the tree.
      semantic: leaves instances out.
      description: of the classes, where the data set has none of its own.
    """
    draw(folder / "raw")
    arguments = ["convert", name, "--root", str(folder / "raw"), "--split", split]
    arguments += ["--workers", "1", "--output", str(folder / "converted")]
    assert main(arguments) == 0
    records = folder / "records"
    records.mkdir()
    for path in (folder / "converted").glob("*.tfrecord"):
        for target in ("train", "val"):
            shutil.copyfile(path, records / f"{target}-{path.name}")
    config = tiny_experiment.experiment(records, semantic=semantic)
    config.trainer_options.solver_options.training_number_of_steps = 2
    if description:
        channels = len(description["classes"])
    else:
        channels = DATASETS.get(name)().info.num_classes
    if semantic:
        config.model_options.deeplab_v3.num_classes = channels
    else:
        head = config.model_options.panoptic_deeplab.semantic_head
        head.output_channels = channels
    for options in (config.train_dataset_options, config.eval_dataset_options):
        options.dataset = name
        options.batch_size = 1
        if description:
            ParseDict(description, options.dataset_description)
    return experiment.run(config, "train_and_eval", folder / "run")


def test_classes_of_images(tmp_path):
    """ImageNet: two steps, top-1 and top-5, and the same from the exported model."""
    classes = imagenet_tree(tmp_path / "raw")
    records = tmp_path / "records"
    arguments = ["convert", "imagenet", "--root", str(tmp_path / "raw")]
    assert main([*arguments, "--workers", "1", "--output", str(records)]) == 0
    (path,) = records.glob("*.tfrecord")
    shutil.copyfile(path, records / "val-0.tfrecord")
    config = tiny_experiment.classification(records)
    config.trainer_options.solver_options.training_number_of_steps = 2
    results = experiment.run(config, "train_and_eval", tmp_path / "run")
    assert math.isfinite(results["losses/class_loss"])

    arguments = ["export", "--checkpoint", str(tmp_path / "run")]
    assert main([*arguments, "--output", str(tmp_path / "served")]) == 0
    predictor = deeplab.load(str(tmp_path / "served"))
    places = []
    for name, class_id in classes.items():
        (image,) = (tmp_path / "raw").rglob(f"{name}.JPEG")
        prediction = predictor(image)
        assert prediction.class_pred == prediction.class_probs.argmax()
        order = np.argsort(-prediction.class_probs, kind="stable").tolist()
        places.append(order.index(class_id))
    for k in (1, 5):
        share = 100 * sum(place < k for place in places) / len(places)
        assert results[f"top_k_accuracy/top_{k}"] == pytest.approx(share)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "split", "draw"), SEMANTIC)
def test_semantic(tmp_path, name, split, draw):
    results = train_and_evaluate(tmp_path, name, split, draw, semantic=True)
    assert 0 <= results["mean_iou/miou"] <= 100
    assert math.isfinite(results["losses/total_loss"])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "split", "draw"), PANOPTIC)
def test_panoptic(tmp_path, name, split, draw):
    results = train_and_evaluate(tmp_path, name, split, draw, semantic=False)
    assert 0 <= results["panoptic_quality/all/pq"] <= 100
    assert math.isfinite(results["losses/total_loss"])


def test_a_folder_of_ones_own(tmp_path):
    description = {k: v for k, v in DESCRIPTION.items() if k != "name"}
    arguments = (tmp_path, "folder", "train", folder_tree, True, description)
    results = train_and_evaluate(*arguments)
    assert 0 <= results["mean_iou/miou"] <= 100
    assert math.isfinite(results["losses/total_loss"])


def waymo_records(folder, name, published):
    """Fills a folder with records of Waymo; returns the cameras that they have."""
    if published:
        for split in ("train", "val"):
            wod_tree.wod_records(
                folder / f"{split}-0.tfrecord", name.endswith("multicam")
            )
        return []
    wod_tree.wod_tree(folder / "raw", "training")
    wod_tree.wod_tree(folder / "raw", "validation")
    arguments = ["convert", name, "--root", str(folder / "raw"), "--workers", "1"]
    arguments += ["--split", "train", "val", "--output", str(folder)]
    assert main(arguments) == 0
    arguments = ["check-data", "--records", str(folder / "train-*.tfrecord")]
    assert main([*arguments, "--dataset", name]) == 0
    return list(wod_tree.CAMERAS.values()) if name.endswith("multicam") else []


@pytest.mark.slow
@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "wod_pvps_image_panoptic_seg_multicam",
        "wod_pvps_depth_video_panoptic_seg",
        "wod_pvps_depth_video_panoptic_seg_multicam",
    ],
)
def test_variants_of_waymo(tmp_path, name, published):
    """Pairs of frames, depth, and several cameras; six of them in published records."""
    cameras = waymo_records(tmp_path, name, published)
    if "depth" in name:
        config = tiny_video.config_of("vip_deeplab", tmp_path)
        head = config.model_options.vip_deeplab.semantic_head
    else:
        config = tiny_experiment.experiment(tmp_path)
        head = config.model_options.panoptic_deeplab.semantic_head
    head.output_channels = 29
    config.trainer_options.solver_options.training_number_of_steps = 2
    for options in (config.train_dataset_options, config.eval_dataset_options):
        options.dataset = name
        options.batch_size = 1
        options.cameras_to_use.extend(cameras)
    results = experiment.run(config, "train_and_eval", tmp_path / "run")
    assert 0 <= results["panoptic_quality/all/pq"] <= 100
    assert math.isfinite(results["losses/total_loss"])
