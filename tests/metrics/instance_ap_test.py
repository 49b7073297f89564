"""Instance AP against the COCO tools on dense masks."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Example, Prediction
from deeplab.metrics.instance_ap import NAMES, InstanceAP
from tests.parity import scenes

THINGS = (11, 12, 13, 14, 15, 16, 17, 18)
INFO = DatasetInfo(
    name="test",
    classes=tuple(ClassInfo(i, f"c{i}", i in THINGS, (0, 0, 0), i) for i in range(19)),
    num_classes=19,
    ignore_label=255,
    label_divisor=1000,
)


def random_images(seed, count, height, width):
    rng = np.random.default_rng(seed)
    for i in range(count):
        truth = scenes.panoptic(height, width, 100 * seed + i, n=12)
        predicted = scenes.perturb(truth, 100 * seed + i)
        yield (
            Example(
                image=None, panoptic_raw=truth, is_crowd_raw=truth == THINGS[0] * 1000
            ),
            Prediction(
                panoptic_pred=predicted,
                semantic_probs=rng.random((height, width, 19), np.float32),
                instance_scores=rng.random((height, width), np.float32),
            ),
        )


def encode(dense):
    return mask.encode(np.asfortranarray(dense, np.uint8))


def coco_numbers(images):
    truths, detections, sizes = [], [], []
    for index, (example, prediction) in enumerate(images):
        truth, predicted = example.panoptic_raw, prediction.panoptic_pred
        height, width = truth.shape
        sizes.append({"id": index, "height": height, "width": width})
        for label in np.unique(truth):
            if label // 1000 in THINGS:
                rle = encode(truth == label)
                truths.append(
                    {
                        "id": len(truths) + 1,
                        "image_id": index,
                        "category_id": int(label // 1000),
                        "segmentation": rle,
                        "area": float(mask.area(rle)),
                        "bbox": [0, 0, 0, 0],
                        "iscrowd": int(example.is_crowd_raw[truth == label][0]),
                    }
                )
        for label in np.unique(predicted):
            if label // 1000 in THINGS:
                pixels = predicted == label
                probs = prediction.semantic_probs[pixels][:, label // 1000]
                scores = prediction.instance_scores[pixels]
                detections.append(
                    {
                        "image_id": index,
                        "category_id": int(label // 1000),
                        "segmentation": encode(pixels),
                        "score": probs.mean(dtype=float) * scores.mean(dtype=float),
                    }
                )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": sizes,
            "annotations": truths,
            "categories": [{"id": i} for i in THINGS],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(detections), iouType="segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize(
    ("seed", "size"), [(0, (65, 97)), (1, (40, 50)), (2, (150, 260)), (3, (300, 400))]
)
def test_equals_pycocotools(seed, size):
    images = list(random_images(seed, 5, *size))
    metric = InstanceAP(INFO, detailed=True)
    for example, prediction in images:
        metric.update(example, prediction)
    expected = coco_numbers(images)
    assert expected[0] > 0.05
    np.testing.assert_allclose(
        [metric.result()[name] for name in NAMES],
        np.where(expected < 0, -1, 100 * expected),
        rtol=1e-9,
    )


def measured(truth, predicted, scores=None, **options):
    predicted = np.array(predicted, np.int32)
    probs = np.ones((*predicted.shape, 19), np.float32)
    if scores is None:
        scores = np.ones(predicted.shape)
    metric = InstanceAP(INFO, **options)
    metric.update(
        Example(image=None, panoptic_raw=np.array(truth, np.int32)),
        Prediction(
            panoptic_pred=predicted,
            semantic_probs=probs,
            instance_scores=np.array(scores, np.float32),
        ),
    )
    return metric.result()


def test_one_number_unless_detailed():
    label_map = [[11001, 2000]]
    assert measured(label_map, label_map) == {"ap": pytest.approx(100.0)}
    assert list(measured(label_map, label_map, detailed=True)) == list(NAMES)


def test_the_better_score_comes_first():
    """One true and one wrong detection: precision 1 or 1/2 at every recall."""
    truth, predicted = [[11001, 11001, 2000, 2000]], [[11001, 11001, 11002, 11002]]
    first = measured(truth, predicted, scores=[[0.9, 0.9, 0.2, 0.2]])
    second = measured(truth, predicted, scores=[[0.2, 0.2, 0.9, 0.9]])
    assert first["ap"] == pytest.approx(100.0)
    assert second["ap"] == pytest.approx(50.0)


def test_without_crowd_map_instance_0_is_a_crowd():
    """A detection in the crowd is neither right nor wrong."""
    result = measured([[11000, 11000, 11001]], [[11005, 11005, 11006]])
    assert result["ap"] == pytest.approx(100.0)


@pytest.mark.parametrize("truth", [[[2000, 2000]], [[11000, 255000]]])
def test_no_instances_give_minus_1(truth):
    result = measured(truth, [[11001, 11001]], detailed=True)
    assert result == dict.fromkeys(NAMES, -1.0)


def test_no_detections_give_0():
    assert measured([[11001, 2000]], [[2000, 2000]]) == {"ap": 0.0}


def test_scores_of_masks_stand_for_probabilities():
    """What the probability of a segment's class is at its pixels, as a map."""
    plain, masks = InstanceAP(INFO, detailed=True), InstanceAP(INFO, detailed=True)
    for example, prediction in random_images(3, 4, 48, 64):
        plain.update(example, prediction)
        class_id = np.minimum(prediction.panoptic_pred // 1000, 18)
        scores = np.take_along_axis(
            prediction.semantic_probs, class_id[..., None], axis=-1
        )[..., 0]
        masks.update(
            example, prediction._replace(semantic_probs=None, semantic_scores=scores)
        )
    assert plain.result() == masks.result()
    assert plain.result()["ap"] > 0
