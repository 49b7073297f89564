"""The training program as a process: its three ways to start, and its ways to end."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deeplab.cli import main as cli
from deeplab.config import to_text
from deeplab.trainer import train
from deeplab.trainer.metrics_log import MetricsLog
from tests.e2e import tiny_experiment

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        (ROOT, ["deeplab/trainer/train.py"]),
        (ROOT / "deeplab", ["trainer/train.py"]),
        (ROOT, ["-m", "deeplab.trainer.train"]),
    ],
    ids=["from the root", "from the package", "as a module"],
)
def test_help_comes_at_once(folder, command):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command, "--help"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "--config_file" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "deeplab.config" in imported
    assert "tensorflow" not in imported


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("model_option {}", [], "did you mean 'model_options'?"),
        ("", ["--set", "seed=x"], "is not a whole number"),
        ("", ["--num_gpus=99"], "num_gpus 99: TensorFlow finds"),
    ],
)
def test_what_the_user_can_mend_is_said_in_a_line(
    tmp_path, capsys, text, flags, message
):
    config = tmp_path / "bad.textproto"
    config.write_text(text)
    fixed = [f"--config_file={config}", "--mode=train", f"--model_dir={tmp_path / 'm'}"]
    assert train.main([*fixed, *flags]) == train.USAGE_ERROR
    assert message in capsys.readouterr().err


def test_the_command_of_the_package_has_the_same_flags(tmp_path, capsys):
    config = tmp_path / "bad.textproto"
    config.write_text("model_option {}")
    for command in ("train", "eval"):
        assert cli.main([command, f"--config_file={config}"]) == cli.USAGE_ERROR
        assert "did you mean 'model_options'?" in capsys.readouterr().err


@pytest.fixture
def command(tmp_path):
    """A training command of thirty steps, without its model folder."""
    tiny_experiment.write_records(tmp_path, "train", 10)
    tiny_experiment.write_records(tmp_path, "val", 4)
    config = tiny_experiment.experiment(tmp_path, semantic=True)
    config.model_options.backbone.drop_path_keep_prob = 0.7
    config.trainer_options.solver_options.training_number_of_steps = 30
    path = tmp_path / "config.textproto"
    path.write_text(to_text(config))
    module = [sys.executable, "-m", "tests.e2e.tiny_experiment"]
    return [*module, f"--config_file={path}", "--mode=train_and_eval"]


def _wait_for_line(folder, count, process):
    """Waits until so many lines are logged."""
    log = MetricsLog(folder)
    while len(log.read()) < count and process.poll() is None:
        time.sleep(0.02)


def _lines(folder):
    return [(e["step"], e["split"], e["values"]) for e in MetricsLog(folder).read()]


@pytest.mark.slow
def test_killed_at_random_steps_it_ends_like_an_unbroken_run(command, tmp_path):
    options = {"cwd": ROOT, "env": ENVIRONMENT, "stdout": subprocess.DEVNULL}
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    subprocess.run([*command, f"--model_dir={unbroken}"], check=True, **options)
    rng = random.Random()
    for first in (1, 8):
        process = subprocess.Popen([*command, f"--model_dir={killed}"], **options)
        _wait_for_line(killed, rng.randrange(first, first + 6), process)
        time.sleep(rng.random() / 5)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    subprocess.run([*command, f"--model_dir={killed}"], check=True, **options)
    assert _lines(killed) == _lines(unbroken)


@pytest.mark.slow
def test_sigterm_ends_it_with_143(command, tmp_path):
    folder = tmp_path / "model"
    process = subprocess.Popen(
        [*command, f"--model_dir={folder}"],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    _wait_for_line(folder, 1, process)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    assert process.returncode == 143
    assert "stopped; saved a checkpoint of step" in out
