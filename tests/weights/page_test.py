"""What the page of weights shows is run, on a run that was not trained."""

import subprocess
import sys

import tensorflow as tf

from deeplab import factory
from deeplab.config import parse_config
from deeplab.trainer.checkpointing import CheckpointStore
from tests.readme_test import ROOT, blocks
from tests.weights.tiny import CONFIG


def test_python_of_the_page_runs(tmp_path):
    run = tmp_path / "runs/demo/model"
    run.mkdir(parents=True)
    (run / "config.textproto").write_text(CONFIG)
    model = factory.build_model(parse_config(CONFIG))
    step = tf.Variable(3, dtype=tf.int64)
    CheckpointStore(run, model.checkpoint_items, step).save_if_best("metric", 1.0)
    (block,) = blocks(ROOT / "g3doc/weights.md", "python")
    out = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert out[0] == "weights from runs/demo/model/best"
    rows = {line.split()[0]: line.split()[1:] for line in out[2:]}
    assert set(rows) == set(model.checkpoint_items)
    for counts in rows.values():
        assert int(counts[0]) > 0
        assert counts[1:] == ["0", "0", "0"]
