"""What a model predicts scores in memory as it does from files."""

import numpy as np
import pytest

from deeplab.core.structures import Example, Prediction
from deeplab.datasets import DATASETS
from deeplab.metrics import METRICS
from deeplab.predictions import FORMATS
from deeplab.predictions.from_model import label_map_of
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from tests.parity import scenes

INFO = DATASETS.get("cityscapes_panoptic")().info
SIZE = (60, 100)


def predicted(seed):
    """Returns the truth of a scene, and a prediction with scores that differ."""
    rng = np.random.default_rng(seed)
    truth = scenes.panoptic(*SIZE, seed, n=14)
    return truth, Prediction(
        panoptic_pred=scenes.perturb(truth, seed),
        semantic_probs=rng.random((*SIZE, 19), np.float32),
        instance_scores=rng.random(SIZE, np.float32),
    )


@pytest.mark.parametrize(
    ("layout", "metric"),
    [
        ("coco_instances", "instance_ap"),
        ("cityscapes_instances", "cityscapes_instance_ap"),
    ],
)
def test_instances_score_the_same_from_files(layout, metric, tmp_path):
    chosen = FORMATS.get(layout)()
    place = tmp_path / "out" / chosen.index
    sink = chosen.writer(place, INFO)
    images = {f"aachen_{i:06d}_000019": predicted(i) for i in range(4)}
    in_memory, from_files = (
        METRICS.get(metric)(INFO, EvaluatorOptions()) for _ in range(2)
    )
    for name, (truth, prediction) in images.items():
        sink.write(name, label_map_of(prediction, INFO))
        in_memory.update(Example(None, panoptic_raw=truth), prediction)
    sink.close()
    for name, stored in chosen.read(place, INFO).items():
        label_map = stored.load()
        read = Prediction(
            panoptic_pred=label_map.panoptic,
            instance_scores=label_map.scores,
            semantic_scores=np.ones(SIZE, np.float32),
        )
        from_files.update(Example(None, panoptic_raw=images[name][0]), read)
    expected = in_memory.result()
    assert expected["ap"] > 1
    assert from_files.result() == pytest.approx(expected, rel=1e-12)


def test_maps_are_taken_as_far_as_they_are_there():
    truth, prediction = predicted(0)
    found = label_map_of(Prediction(semantic_pred=truth // 1000), INFO)
    np.testing.assert_array_equal(found.panoptic, truth // 1000 * 1000)
    assert found.scores is None
    depth = np.ones((*SIZE, 1), np.float32)
    found = label_map_of(prediction._replace(depth_pred=depth), INFO)
    assert found.depth.shape == SIZE
    with pytest.raises(ValueError, match="neither panoptic_pred nor semantic_pred"):
        label_map_of(Prediction(), INFO)
