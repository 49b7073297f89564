"""A run whose folder is in no file system of the disk: TensorFlow's own ram://."""

import pytest
import tensorflow as tf

from deeplab.config import CONFIG_FILE, parse_config, read_config, to_text
from deeplab.trainer import train
from deeplab.trainer.checkpointing import list_checkpoints
from deeplab.trainer.metrics_log import MetricsLog
from deeplab.trainer.run_folder import RunFolder
from tests.e2e import tiny_experiment

PLACE = "ram://remote_run"


@pytest.fixture
def config():
    """The path of a config in the same file system."""
    folder = RunFolder("ram://configs")
    folder.make()
    yield folder.join("tiny.textproto")
    tf.io.gfile.rmtree(folder.path)


@pytest.fixture
def run(tmp_path, config, monkeypatch):
    """Trains up to a step; nothing may be written to the working folder meanwhile."""
    tiny_experiment.write_records(tmp_path / "records", "train", 4)
    tiny_experiment.write_records(tmp_path / "records", "val", 2)
    options = tiny_experiment.experiment(tmp_path / "records", semantic=True)
    options.trainer_options.save_checkpoints_steps = 2
    options.evaluator_options.eval_interval = 2
    options.evaluator_options.save_predictions = True
    options.evaluator_options.save_raw_predictions = True
    options.evaluator_options.raw_panoptic_format = "semantic_png"
    folder, _, name = config.rpartition("/")
    RunFolder(folder).write(name, to_text(options))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def train_to(step, *flags):
        steps = f"trainer_options.solver_options.training_number_of_steps={step}"
        words = [f"--config_file={config}", f"--model_dir={PLACE}/", "--num_gpus=0"]
        return train.main([*words, "--mode=train_and_eval", "--set", steps, *flags])

    yield train_to
    tf.io.gfile.rmtree(PLACE)
    assert not list((tmp_path / "here").iterdir())


def lines():
    return [(e["step"], e["split"]) for e in MetricsLog(PLACE).read()]


def test_a_run_in_an_object_store_is_resumed(run, tmp_path, capsys):
    folder = RunFolder(PLACE)
    assert run(2) == 0
    assert [step for step, _ in list_checkpoints(folder)] == [0, 2]
    assert lines() == [(2, "train"), (2, "eval")]
    seed = parse_config(folder.read(CONFIG_FILE)).seed
    assert seed > 0
    names = folder.below("vis").names()
    assert "000000_panel.png" in names
    assert folder.below("vis/raw_panoptic").names() == ["val_0.png", "val_1.png"]
    first = MetricsLog(PLACE).read()

    assert run(4) == 0
    assert "resuming from the checkpoint of step 2" in capsys.readouterr().out
    assert [step for step, _ in list_checkpoints(folder)] == [0, 2, 4]
    assert lines() == [(2, "train"), (2, "eval"), (4, "train"), (4, "eval")]
    assert MetricsLog(PLACE).read()[:2] == first
    assert read_config(folder.join(CONFIG_FILE)).seed == seed
    best = folder.below("best")
    assert [step for step, _ in list_checkpoints(best)]
    assert {"best.json", "checkpoint"} <= set(best.names())
    assert not [name for name in folder.names() + best.names() if "tmp" in name]
    for name in ("train", "eval"):
        assert folder.below(name).names()
