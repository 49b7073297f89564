"""Predictions on disk are measured as an evaluation in memory measures them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main
from deeplab.core.structures import Example, Prediction
from deeplab.datasets import DATASETS
from deeplab.metrics.panoptic_quality import PanopticQuality
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap
from tests.parity import scenes

COCO = DATASETS.get("coco_panoptic")().info
KITTI = DATASETS.get("kitti_step")().info
REAL = Path(__file__).parents[3] / "shared/data/coco_sample/panoptic_examples.json"


def scene(info, seed):
    label = scenes.panoptic(
        48,
        64,
        seed,
        things=info.thing_ids[:3],
        stuff=info.stuff_ids[:4],
        divisor=info.label_divisor,
        ignore=info.ignore_label,
    ).astype(np.int32)
    # Crowds are no part of predictions, as which these maps are written.
    crowd = np.isin(label, np.array(info.thing_ids) * info.label_divisor)
    return np.where(crowd, info.ignore_label * info.label_divisor, label)


def damaged(label, info, seed):
    things = info.thing_ids[:3]
    label = scenes.perturb(label, seed, things=things, divisor=info.label_divisor)
    void = label // info.label_divisor == 255
    return np.where(void, info.ignore_label * info.label_divisor, label).astype("int32")


def store(layout, path, info, maps):
    sink = FORMATS.get(layout)().writer(path, info)
    for name, label in maps.items():
        sink.write(name, LabelMap(label))
    sink.close()
    return str(path)


def measure(tmp_path, *arguments):
    output = tmp_path / "results"
    assert main(["eval-predictions", *arguments, "--output", str(output)]) == 0
    return json.loads((output / "results.json").read_text())


@pytest.fixture
def coco(tmp_path):
    truth = {str(i): scene(COCO, i) for i in range(20)}
    predicted = {name: damaged(t, COCO, int(name)) for name, t in truth.items()}
    return (
        truth,
        predicted,
        store("coco_panoptic", tmp_path / "truth.json", COCO, truth),
        store("coco_panoptic", tmp_path / "predicted.json", COCO, predicted),
    )


@pytest.mark.parametrize("by_name", [True, False])
def test_files_give_what_arrays_give(coco, by_name, tmp_path, capsys):
    truth, predicted, truth_file, predicted_file = coco
    metric = PanopticQuality(COCO)
    for name, label in truth.items():
        example = Example(image=None, panoptic_raw=label)
        metric.update(example, Prediction(panoptic_pred=predicted[name]))
    files = ["--ground_truth", truth_file, "--predictions", predicted_file]
    # Without a name, the classes are those of the JSON.
    files += ["--dataset", "coco_panoptic"] if by_name else []
    results = measure(tmp_path, "--format", "coco_panoptic", "--workers", "1", *files)
    for key, value in metric.result().items():
        assert results[f"panoptic_quality/{key}"] == pytest.approx(value, rel=1e-12)
    assert "20 images" in capsys.readouterr().out
    picture = np.asarray(Image.open(tmp_path / "results/panoptic_quality_pq.png"))
    assert picture.shape[1] > 400
    parallel = measure(tmp_path, "--format", "coco_panoptic", "--workers", "2", *files)
    assert parallel == results


def test_frames_of_videos_lie_in_folders(tmp_path):
    truth = {f"{i // 2:04d}/{i % 2:06d}": scene(KITTI, i) for i in range(4)}
    folder = store("kitti_step", tmp_path / "truth", KITTI, truth)
    results = measure(
        tmp_path,
        *("--format", "kitti_step", "--dataset", "kitti_step", "--workers", "1"),
        *("--ground_truth", folder, "--predictions", folder),
        *("--metrics", "panoptic_quality", "stq", "vpq"),
    )
    assert results["panoptic_quality/all/pq"] == 100.0
    assert results["stq/stq/0001"] == pytest.approx(100)
    assert results["vpq/2_frames/all"] == pytest.approx(100)
    (tmp_path / "flat").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "flat/0.png")
    assert_refused(
        ["kitti_step", tmp_path / "flat", tmp_path / "flat", "--dataset", "kitti_step"],
        "folder per sequence",
    )


def test_scores_of_the_files_rank_the_instances(tmp_path):
    """Of two detections of one person the surer is right: AP 100, else 50."""
    person = COCO.thing_ids[0] * COCO.label_divisor
    truth = np.full((20, 20), COCO.ignore_label * COCO.label_divisor, np.int32)
    truth[:8, :8] = person + 1
    predicted = truth.copy()
    predicted[12:, 12:] = person + 2
    truth_file = store("coco_panoptic", tmp_path / "truth.json", COCO, {"1": truth})
    for score, expected in ((0.9, 100), (0.1, 50)):
        scores = np.where(predicted == person + 1, score, 0.5).astype(np.float32)
        path = tmp_path / f"{score}.json"
        sink = FORMATS.get("coco_instances")().writer(path, COCO)
        sink.write("1", LabelMap(predicted, scores))
        sink.close()
        results = measure(
            tmp_path,
            *("--format", "coco_instances", "--ground_truth_format", "coco_panoptic"),
            *("--ground_truth", truth_file, "--predictions", str(path)),
            *("--dataset", "coco_panoptic", "--workers", "1"),
        )
        assert results["instance_ap/ap"] == pytest.approx(expected)


def test_an_image_without_instances_is_no_missing_image(tmp_path):
    person = COCO.thing_ids[0] * COCO.label_divisor + 1
    truth = {name: np.full((20, 20), person, np.int32) for name in ("1", "2")}
    files = (
        *("--ground_truth", store("coco_panoptic", tmp_path / "t.json", COCO, truth)),
        *("--dataset", "coco_panoptic", "--workers", "1"),
        *("--format", "coco_instances", "--ground_truth_format", "coco_panoptic"),
    )
    del truth["2"]
    path = store("coco_instances", tmp_path / "p.json", COCO, truth)
    results = measure(tmp_path, *files, "--predictions", path)
    assert 50 <= results["instance_ap/ap"] < 51
    path = store("coco_instances", tmp_path / "q.json", COCO, {"3": truth["1"]})
    with pytest.raises(ValueError, match="2 of 2 images have no prediction"):
        main(["--traceback", "eval-predictions", *files, "--predictions", path])


def test_depth_of_the_files_is_measured(tmp_path):
    info = DATASETS.get("semkitti_dvps")().info
    label = np.zeros((8, 8), np.int32)
    for name, metres in (("truth", 10.0), ("predicted", 12.5)):
        sink = FORMATS.get("semkitti_dvps")().writer(tmp_path / name, info)
        for frame in range(4):
            depth = np.full((8, 8), metres, np.float32)
            sink.write(f"0001/{frame}", LabelMap(label, depth=depth))
        sink.close()
    results = measure(
        tmp_path,
        *("--format", "semkitti_dvps", "--dataset", "semkitti_dvps", "--workers", "1"),
        *("--ground_truth", str(tmp_path / "truth")),
        *("--predictions", str(tmp_path / "predicted"), "--metrics", "depth", "dvpq"),
    )
    assert results["depth/abs_rel"] == pytest.approx(25)


def test_what_does_not_belong_together_is_refused(coco, tmp_path, capsys):
    truth, _, truth_file, _ = coco
    few = store("coco_panoptic", tmp_path / "few.json", COCO, {"3": truth["3"]})
    assert_refused(["coco_panoptic", truth_file, few], "19 of 20 images", capsys)
    assert_refused(["coco_panoptic", truth_file, tmp_path], "give the JSON", capsys)
    unnamed = ["two_channel_png", tmp_path, tmp_path]
    assert_refused(unnamed, "needs --dataset", capsys)
    unknown = ["coco_panoptic", truth_file, truth_file, "--metrics", "mean_io"]
    assert_refused(unknown, "mean_iou", capsys)
    content = json.loads(Path(truth_file).read_text())
    content["annotations"][0]["segments_info"][0]["area"] += 1
    Path(truth_file).write_text(json.dumps(content))
    everything = tmp_path / "predicted.json"
    files = ["coco_panoptic", truth_file, everything, "--workers", "1"]
    assert_refused(files, "in the JSON", capsys)


def assert_refused(arguments, message, capsys=None):
    layout, truth, predicted, *rest = map(str, arguments)
    words = ["--format", layout, "--ground_truth", truth, "--predictions", predicted]
    with_traceback = ["--traceback", "eval-predictions", *words, *rest]
    with pytest.raises((ValueError, OSError), match=message):
        main(with_traceback)
    if capsys:
        assert main(["eval-predictions", *words, *rest]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["truth", "predicted"])
@pytest.mark.parametrize("factor", [0, 10])
def test_wrong_areas_of_the_json_are_refused(coco, kind, factor, tmp_path, capsys):
    """The official tool believes those of the truth, and reports over 100 %."""
    path = tmp_path / f"{kind}.json"
    content = json.loads(path.read_text())
    segment = content["annotations"][3]["segments_info"][0]
    right = segment["area"]
    segment["area"] *= factor
    path.write_text(json.dumps(content))
    files = ["coco_panoptic", coco[2], coco[3], "--workers", "1"]
    message = f"{kind}/3.png: segment 1 has {right} pixels, but area {segment['area']}"
    assert_refused(files, message, capsys)


on_real_images = pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not here")


@on_real_images
def test_real_annotations_are_perfect_predictions_of_themselves(tmp_path):
    files = ["--ground_truth", str(REAL), "--predictions", str(REAL)]
    results = measure(tmp_path, "--format", "coco_panoptic", "--workers", "1", *files)
    assert results["panoptic_quality/all/pq"] == 100.0
    assert results["mean_iou/miou"] == 100.0


def damaged_copy(path, folder):
    """Stores the annotations of `path`: moved, segments lost, merged and renamed."""
    content = json.loads(path.read_text())
    categories = sorted(category["id"] for category in content["categories"])
    (folder / "damaged").mkdir()
    for entry in content["annotations"]:
        rgb = np.asarray(Image.open(path.with_suffix("") / entry["file_name"]))
        ids = np.roll(rgb.astype(np.int64) @ [1, 256, 65536], (3, -5), (0, 1))
        listed = sorted(entry["segments_info"], key=lambda segment: segment["id"])
        for index, segment in enumerate(listed):
            if segment["iscrowd"] or index % 6 == 4:
                ids[ids == segment["id"]] = 0
            elif index % 9 == 7:
                ids[ids == segment["id"]] = listed[index - 2]["id"]
            elif index % 10 == 3:
                next_one = categories.index(segment["category_id"]) + 1
                segment["category_id"] = categories[next_one % len(categories)]
        kept, areas = np.unique(ids, return_counts=True)
        areas = dict(zip(kept.tolist(), areas.tolist(), strict=True))
        entry["segments_info"] = [
            {**segment, "area": areas[segment["id"]], "iscrowd": 0}
            for segment in listed
            if segment["id"] in areas
        ]
        rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1)
        Image.fromarray(rgb.astype(np.uint8)).save(
            folder / "damaged" / entry["file_name"]
        )
    (folder / "damaged.json").write_text(json.dumps(content))
    return folder / "damaged.json"


@on_real_images
def test_damaged_real_annotations_get_the_official_number(tmp_path):
    """What `pq_compute` of panopticapi-lite 0.2.0 says about the same files."""
    official = {
        "all": (0.4369502480471172, 0.5591641137057084, 0.5885521885521885),
        "things": (0.19922128874174683, 0.3680277496538407, 0.32606060606060605),
        "stuff": (0.7341114471788301, 0.7980845687705429, 0.9166666666666666),
    }
    damaged_json = damaged_copy(REAL, tmp_path)
    files = ["--ground_truth", str(REAL), "--predictions", str(damaged_json)]
    results = measure(tmp_path, "--format", "coco_panoptic", "--workers", "1", *files)
    for group, values in official.items():
        for kind, value in zip(("pq", "sq", "rq"), values, strict=True):
            ours = results[f"panoptic_quality/{group}/{kind}"]
            assert ours == pytest.approx(100 * value, rel=0, abs=1e-9)
    classes = sum(name.startswith("panoptic_quality/pq/") for name in results)
    assert classes == 9
    picture = np.asarray(Image.open(tmp_path / "results/panoptic_quality_pq.png"))
    assert picture.shape[0] > 10 * classes
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > classes


def test_a_folder_is_no_panoptic_json(tmp_path, capsys):
    words = ["eval-predictions", "--format", "coco_panoptic"]
    words += ["--ground_truth", str(tmp_path), "--predictions", str(tmp_path)]
    assert main(words) == 2
    assert f"{tmp_path} is a folder: give its JSON" in capsys.readouterr().err
