"""Evaluation, and starting from other weights, on the tiny experiment."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.datasets.toy_street.images import ToyStreet
from deeplab.evaluation.stored_predictions import evaluate, match
from deeplab.predictions import FORMATS
from deeplab.predictions.base import LabelMap, StoredMap
from deeplab.trainer import experiment
from deeplab.trainer.checkpointing import CheckpointError
from deeplab.trainer.metrics_log import MetricsLog
from deeplab.weights.error import WeightsError
from tests.e2e import tiny_experiment

SIZES = ((33, 65), (40, 48), (33, 33))


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    tiny_experiment.write_records(folder, "train", 4)
    # Larger than the crop, smaller, and of it: padded or resized, never cut.
    tiny_experiment.write_records(folder, "val", 5, SIZES)
    return folder


@pytest.fixture(scope="module")
def trained(records, tmp_path_factory):
    """The model folder after two steps of Panoptic-DeepLab."""
    folder = tmp_path_factory.mktemp("trained")
    config = tiny_experiment.experiment(records)
    config.trainer_options.solver_options.training_number_of_steps = 2
    experiment.run(config, "train", folder)
    return folder


def _evaluate(records, folder, batch_size=4, strategy=None, **options):
    config = tiny_experiment.experiment(records)
    config.eval_dataset_options.batch_size = batch_size
    # Weights of two steps see hardly any centre.
    config.evaluator_options.center_score_threshold = 0.01
    for name, value in options.items():
        setattr(config.evaluator_options, name, value)
    return experiment.run(config, "eval", folder, strategy=strategy)


@pytest.fixture(scope="module")
def results(records, trained):
    return _evaluate(records, trained)


def _metrics(results):
    return {k: v for k, v in results.items() if not k.startswith("losses/")}


def test_every_metric_and_loss_has_its_place(results, trained):
    for name in ("panoptic_quality/all/pq", "mean_iou/miou", "instance_ap/ap"):
        assert name in results
    terms = [results[f"losses/{n}_loss"] for n in ("semantic", "center", "regression")]
    assert results["losses/total_loss"] == pytest.approx(sum(terms), rel=1e-5)
    assert MetricsLog(trained).has(2, "eval")


@pytest.mark.parametrize(
    ("batch_size", "devices"),
    [
        pytest.param(1, 1, marks=pytest.mark.slow),
        pytest.param(3, 1, marks=pytest.mark.slow),
        (3, 2),
    ],
)
def test_the_result_does_not_depend_on_how_the_work_is_shared(
    records, trained, results, batch_size, devices, two_replicas
):
    strategy = two_replicas if devices == 2 else None
    shared = _evaluate(records, trained, batch_size, strategy)
    assert _metrics(shared) == _metrics(results)


@pytest.mark.slow
def test_random_layers_run_and_resume_on_two_devices(records, tmp_path, two_replicas):
    config = tiny_experiment.experiment(records, save_checkpoints_steps=2)
    config.model_options.backbone.drop_path_keep_prob = 0.7
    config.trainer_options.solver_options.training_number_of_steps = 4
    for folder in ("whole", "half"):
        experiment.run(config, "train", tmp_path / folder, strategy=two_replicas)
    for path in (tmp_path / "half").glob("ckpt-4*"):
        path.unlink()
    experiment.run(config, "train", tmp_path / "half", strategy=two_replicas)
    whole, half = (_weights(tmp_path / name / "ckpt-4") for name in ("whole", "half"))
    for key, value in whole.items():
        np.testing.assert_allclose(half[key], value, atol=1e-5, err_msg=key)


def test_pictures_and_raw_predictions_of_some_batches(records, trained, tmp_path):
    _evaluate(
        records,
        trained,
        batch_size=3,
        eval_steps=1,
        save_predictions=True,
        save_raw_predictions=True,
        num_vis_samples=2,
        override_save_dir=str(tmp_path),
    )
    assert len(list(tmp_path.glob("*_panel.png"))) == 2
    assert len(list((tmp_path / "raw_panoptic").glob("val_*.png"))) == 3
    events = next(trained.glob("eval/events*"))
    tags = {
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert {"panoptic_quality/all/pq", "predictions/0"} <= tags


def test_saved_predictions_score_as_the_evaluation_did(
    records, trained, results, tmp_path
):
    _evaluate(
        records,
        trained,
        save_raw_predictions=True,
        raw_panoptic_format="coco_panoptic",
        override_save_dir=str(tmp_path),
    )
    truth = {}
    for i, (height, width) in enumerate((*SIZES, *SIZES[:2])):
        scene = ToyStreet(images=5, height=height, width=width).read(records, "val")[i]
        label = LabelMap(scene.load().label)
        truth[f"val_{i}"] = StoredMap(lambda label=label: label)
    info = ToyStreet().info
    index = tmp_path / "raw_panoptic/panoptic.json"
    saved = FORMATS.get("coco_panoptic")().read(index, info)
    found = evaluate(match(truth, saved), info, ["panoptic_quality"])
    assert found["panoptic_quality/all/pq"] > 0
    for key, value in found.items():
        assert value == pytest.approx(results[key])


def test_images_without_labels_are_only_predicted(records, trained, tmp_path):
    config = tiny_experiment.experiment(records)
    config.eval_dataset_options.decode_groundtruth_label = False
    config.evaluator_options.save_raw_predictions = True
    config.evaluator_options.override_save_dir = str(tmp_path)
    assert experiment.run(config, "eval", trained) == {}
    assert len(list((tmp_path / "raw_semantic").glob("val_*.png"))) == 5


def test_without_a_checkpoint_there_is_nothing_to_evaluate(records, tmp_path):
    with pytest.raises(CheckpointError, match="has no checkpoint to evaluate"):
        _evaluate(records, tmp_path)


def _weights(path):
    reader = tf.train.load_checkpoint(str(path))
    return {
        key.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"): reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if key.endswith("VARIABLE_VALUE")
    }


def _first_weights(records, folder, **model_options):
    """Returns the weights with which a run begins."""
    config = tiny_experiment.experiment(records, semantic=True)
    config.seed = 2
    config.trainer_options.solver_options.training_number_of_steps = 1
    weights = model_options.pop("pretrained_weights", "")
    config.model_options.backbone.pretrained_weights = weights
    for name, value in model_options.items():
        setattr(config.model_options, name, value)
    experiment.run(config, "train", folder)
    return _weights(folder / "ckpt-0")


def _taken(weights, source):
    """Returns the parts of the model whose kernels are those of another."""
    return {
        key.split("/")[0]
        for key, value in weights.items()
        if key.endswith("kernel")
        and key in source
        and np.array_equal(value, source[key])
    }


def test_training_starts_from_what_fits(records, trained, tmp_path, capsys):
    source = _weights(trained / "ckpt-2")
    # The last layer has another number of input channels; the rest of the head has
    # other names.
    first = _first_weights(records, tmp_path, initial_checkpoint=str(trained))
    assert _taken(first, source) == {"encoder"}
    assert first["global_step"] == 0
    out = capsys.readouterr().out
    assert f"weights from {trained}" in out
    assert "missing deeplab_v3_aspp" in out


def test_pretrained_weights_and_last_layers_that_start_anew(records, trained, tmp_path):
    first = _first_weights(records, tmp_path / "a", pretrained_weights=str(trained))
    assert _taken(first, _weights(trained / "ckpt-2")) == {"encoder"}
    source = tmp_path / "a" / "ckpt-1"
    again = _first_weights(
        records,
        tmp_path / "b",
        initial_checkpoint=f"{source}.index",
        restore_semantic_last_layer_from_initial_checkpoint=False,
    )
    assert "semantic_last_layer" not in _taken(again, _weights(source))
    assert {"encoder", "deeplab_v3_aspp"} <= _taken(again, _weights(source))


def test_a_checkpoint_that_has_nothing_in_common_is_refused(records, tmp_path):
    path = tf.train.Checkpoint(x=tf.Variable(1.0)).write(str(tmp_path / "x"))
    config = tiny_experiment.experiment(records, semantic=True)
    config.model_options.initial_checkpoint = path
    with pytest.raises(WeightsError, match="nothing in this checkpoint fits"):
        experiment.run(config, "train", tmp_path / "model")
