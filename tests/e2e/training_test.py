"""Whole runs of the tiny experiment: what they leave, and how they end."""

import json
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from deeplab import factory
from deeplab.config import ConfigError, read_config
from deeplab.trainer import experiment
from deeplab.trainer.checkpointing import CheckpointError, list_checkpoints
from deeplab.trainer.interruption import InterruptedRunError
from deeplab.trainer.metrics_log import MetricsLog
from deeplab.trainer.monitors import TrainingMonitor
from deeplab.trainer.non_finite import NonFiniteLossError
from tests.e2e import tiny_experiment


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    tiny_experiment.write_records(folder, "train", 10)
    tiny_experiment.write_records(folder, "val", 6)
    return folder


@pytest.fixture
def config(records):
    config = tiny_experiment.experiment(records, semantic=True)
    config.model_options.backbone.drop_path_keep_prob = 0.7
    return config


@pytest.fixture(scope="module")
def unbroken(records, tmp_path_factory):
    """The model folder and the results of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    config = tiny_experiment.experiment(records, semantic=True)
    config.model_options.backbone.drop_path_keep_prob = 0.7
    return folder, experiment.run(config, "train_and_eval", folder)


def _lines(folder):
    return [(e["step"], e["split"], e["values"]) for e in MetricsLog(folder).read()]


def _tensors(folder, step):
    reader = tf.train.load_checkpoint(str(folder / f"ckpt-{step}"))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if "save_counter" not in name and "OBJECT_GRAPH" not in name
    }


def _assert_same_run(folder, other):
    assert _lines(folder) == _lines(other)
    expected, tensors = _tensors(other, 12), _tensors(folder, 12)
    assert set(tensors) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(tensors[name], value, err_msg=name)


def _at_step(monkeypatch, step, action):
    """Calls `action` after a step, as if it happened from outside."""
    after_step = TrainingMonitor.after_step

    def patched(self, number, waited, values):
        if number == step:
            action()
        after_step(self, number, waited, values)

    monkeypatch.setattr(TrainingMonitor, "after_step", patched)


def test_what_a_run_leaves(unbroken):
    folder, results = unbroken
    assert [s for s, _ in list_checkpoints(folder)] == [0, 4, 8, 12]
    assert [(s, split) for s, split, _ in _lines(folder)] == [
        (2, "train"),
        (4, "train"),
        (6, "train"),
        (6, "eval"),
        (8, "train"),
        (10, "train"),
        (12, "train"),
        (12, "eval"),
    ]
    assert _lines(folder)[-1][2] == results
    assert 0 < results["mean_iou/miou"] < 100
    assert results["losses/total_loss"] == results["losses/semantic_loss"] > 0
    best = json.loads((folder / "best" / "best.json").read_text())
    assert best["metric"] == "mean_iou/miou"
    assert read_config(folder / "config.textproto").experiment_name == "tiny"
    assert list(folder.glob("train/events*"))
    assert list(folder.glob("eval/events*"))


def test_it_learns(unbroken):
    train = [
        v["losses/total_loss"]
        for _, split, v in _lines(unbroken[0])
        if split == "train"
    ]
    assert train[-1] < 0.8 * train[0]


def test_a_crashed_run_goes_on_as_if_nothing_had_happened(
    config, unbroken, tmp_path, monkeypatch
):
    class Crash(BaseException):
        pass

    def crash():
        raise Crash

    with monkeypatch.context() as patch:
        _at_step(patch, 7, crash)
        with pytest.raises(Crash):
            experiment.run(config, "train_and_eval", tmp_path)
    # As a kill would leave it: lines after the checkpoint, the last one cut off.
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "spl')
    assert experiment.run(config, "train_and_eval", tmp_path) == unbroken[1]
    _assert_same_run(tmp_path, unbroken[0])


def test_sigterm_saves_and_the_run_goes_on(config, unbroken, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        _at_step(patch, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(InterruptedRunError) as caught:
            experiment.run(config, "train_and_eval", tmp_path)
    assert caught.value.exit_code == 143
    assert list_checkpoints(tmp_path)[-1][0] == 5
    experiment.run(config, "train_and_eval", tmp_path)
    _assert_same_run(tmp_path, unbroken[0])


def test_a_finished_run_has_nothing_to_do(config, unbroken, capsys):
    before = _lines(unbroken[0])
    experiment.run(config, "train_and_eval", unbroken[0])
    assert "resuming from the checkpoint of step 12" in capsys.readouterr().out
    assert _lines(unbroken[0]) == before


def test_published_weights_can_be_evaluated_without_training(
    config, unbroken, tmp_path
):
    config.model_options.initial_checkpoint = str(unbroken[0] / "ckpt-12")
    assert experiment.run(config, "eval", tmp_path) == unbroken[1]


def test_continuous_evaluation_ends_after_the_timeout(config, unbroken, capsys):
    config.evaluator_options.continuous_eval_timeout = 1
    results = experiment.run(config, "continuous_eval", unbroken[0])
    assert results == unbroken[1]
    assert capsys.readouterr().out.count("eval   step 12") == 1


def _poisoned(monkeypatch, number):
    """Makes the image of one training batch NaN."""
    build = factory.build_train_pipeline

    def poison(index, batch):
        factor = tf.where(index == number, np.nan, 1.0)
        image = batch.device["image"] * factor
        return batch._replace(device={**batch.device, "image": image})

    def patched(config, input_context=None, first_batch=0):
        batches = build(config, input_context, first_batch)
        return batches.enumerate(first_batch).map(poison)

    monkeypatch.setattr(factory, "build_train_pipeline", patched)


def test_a_non_finite_loss_stops_the_run(records, tmp_path, monkeypatch, capsys):
    _poisoned(monkeypatch, 5)
    config = tiny_experiment.experiment(records, semantic=True)
    with pytest.raises(NonFiniteLossError, match="step 6"):
        experiment.run(config, "train", tmp_path)
    out = capsys.readouterr().out
    assert "the loss is not finite at step 6" in out
    assert "train_" in out
    with np.load(tmp_path / "non_finite_batch_6.npz") as batch:
        assert np.isnan(batch["image"]).all()
        assert batch["image_filename"].shape == (4,)
    assert list_checkpoints(tmp_path)[-1][0] == 4


def test_a_rollback_passes_the_bad_batch(records, tmp_path, monkeypatch, capsys):
    _poisoned(monkeypatch, 5)
    config = tiny_experiment.experiment(
        records, semantic=True, non_finite_loss="rollback", max_rollbacks=1
    )
    experiment.run(config, "train", tmp_path)
    assert "rollback 1 of 1: back to step 4" in capsys.readouterr().out
    assert [s for s, _, _ in _lines(tmp_path)] == [2, 4, 6, 8, 10, 12]
    assert all(np.isfinite(list(v.values())).all() for _, _, v in _lines(tmp_path))
    # Steps 5 and 6 were taken twice, on other images.
    assert _tensors(tmp_path, 12)["examples/.ATTRIBUTES/VARIABLE_VALUE"] == 14 * 4


def test_rollbacks_come_to_an_end(records, tmp_path, capsys):
    config = tiny_experiment.experiment(
        records, semantic=True, non_finite_loss="rollback", max_rollbacks=2
    )
    config.trainer_options.solver_options.base_learning_rate = 1e30
    with pytest.raises(NonFiniteLossError):
        experiment.run(config, "train", tmp_path)
    assert "rollback 2 of 2: back to step 0" in capsys.readouterr().out


def test_two_devices_train_as_one(records, tmp_path, two_replicas):
    config = tiny_experiment.experiment(records, semantic=True)
    # Dropout draws apart on every device.
    config.model_options.decoder.aspp_use_only_1x1_proj_conv = True
    config.model_options.decoder.ClearField("atrous_rates")
    config.trainer_options.solver_options.training_number_of_steps = 4
    experiment.run(config, "train_and_eval", tmp_path / "two", strategy=two_replicas)
    experiment.run(config, "train_and_eval", tmp_path / "one")
    for one, two in zip(
        _lines(tmp_path / "one"), _lines(tmp_path / "two"), strict=True
    ):
        assert one[:2] == two[:2]
        if one[1] == "train":
            assert two[2] == pytest.approx(one[2], rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "jit_compile", "optimizer"),
    [
        ("bfloat16", False, "sgd"),
        ("float16", False, "adamw"),
        ("float32", True, "adam"),
    ],
)
def test_the_options_of_speed(records, tmp_path, precision, jit_compile, optimizer):
    config = tiny_experiment.experiment(records, semantic=True)
    # A CPU trains no dilated convolution in float16.
    config.model_options.decoder.aspp_use_only_1x1_proj_conv = True
    config.model_options.decoder.ClearField("atrous_rates")
    config.model_options.precision = precision
    config.model_options.jit_compile = jit_compile
    solver = config.trainer_options.solver_options
    solver.optimizer = optimizer
    solver.weight_decay = 1e-4
    solver.backbone_learning_rate_multiplier = 0.5
    solver.use_gradient_clipping = True
    experiment.run(config, "train_and_eval", tmp_path)
    train = [values for _, split, values in _lines(tmp_path) if split == "train"]
    assert train[-1]["losses/total_loss"] < train[0]["losses/total_loss"]
    assert train[0]["losses/weight_decay"] > 0


def test_labels_are_checked_before_the_first_step(records, tmp_path):
    config = tiny_experiment.experiment(records, semantic=True)
    config.train_dataset_options.dataset = "described"
    description = config.train_dataset_options.dataset_description
    for i in range(8):
        description.classes.add(id=i if i < 7 else 8, name=f"c{i}")
    config.model_options.deeplab_v3.num_classes = 9
    with pytest.raises(ValueError, match=r"(?s)do not match data set.*train-0.*pixel"):
        experiment.run(config, "train", tmp_path)
    assert not list_checkpoints(tmp_path)


def test_a_field_that_nothing_reads_is_refused(records, tmp_path):
    config = tiny_experiment.experiment(records, semantic=True)
    config.trainer_options.solver_options.momentum = 0.5
    with pytest.raises(ConfigError, match=r"solver_options\.momentum"):
        experiment.run(config, "train", tmp_path)
    assert not list_checkpoints(tmp_path)


def test_an_unknown_best_metric_is_refused(records, tmp_path):
    config = tiny_experiment.experiment(
        records, semantic=True, best_checkpoint_metric="pq"
    )
    with pytest.raises(ConfigError, match="results begin with one of mean_iou"):
        experiment.run(config, "train_and_eval", tmp_path)


def test_another_architecture_in_the_folder_is_refused(records, unbroken):
    config = tiny_experiment.experiment(records)
    with pytest.raises(CheckpointError, match="ckpt-12 does not fit this model"):
        experiment.run(config, "train", unbroken[0])


def test_no_seed_draws_one_and_keeps_it(records, tmp_path):
    config = tiny_experiment.experiment(
        records, semantic=True, num_checkpoints_to_keep=1
    )
    config.seed = 0
    config.trainer_options.solver_options.training_number_of_steps = 2
    experiment.run(config, "train", tmp_path)
    seed = read_config(tmp_path / "config.textproto").seed
    assert seed > 0
    experiment.run(config, "train", tmp_path)
    assert read_config(tmp_path / "config.textproto").seed == seed
