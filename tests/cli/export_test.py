from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import deeplab
from deeplab import exporting, factory
from deeplab.cli import main
from tests.export.tiny import preprocess, tiny
from tests.visualization import scene

CONFIG = 'experiment_name: "tiny"\n'


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A model folder as training leaves it; configs build the tiny model."""
    policies = {False: "float32", True: "bfloat16"}
    monkeypatch.setattr(
        factory,
        "build_model",
        lambda config, bfloat16_weights=False: tiny(policies[bfloat16_weights]),
    )
    monkeypatch.setattr(factory, "build_preprocess", lambda config: preprocess)
    plan = SimpleNamespace(info=scene.info())
    monkeypatch.setattr(exporting, "resolve", lambda config: plan)
    model = tiny()
    model.layer.bias.assign([0, 0, 0, 1])
    folder = tmp_path / "run"
    checkpoint = tf.train.Checkpoint(**model.checkpoint_items)
    tf.train.CheckpointManager(
        checkpoint, str(folder / "best"), max_to_keep=1, checkpoint_name="ckpt"
    ).save()
    (folder / "config.textproto").write_text(CONFIG)
    return folder


def run(*words):
    return main.main(["export", *map(str, words)])


def test_the_config_beside_the_checkpoint_is_taken(trained, tmp_path, capsys):
    output = tmp_path / "out"
    words = [f"--checkpoint={trained}/best", f"--output={output}"]
    assert run(*words, "--set", "seed=7") == 0
    assert "MiB; try it: deeplab predict --model" in capsys.readouterr().out
    saved = deeplab.read_config(output / "config.textproto")
    assert (saved.experiment_name, saved.seed) == ("tiny", 7)
    # The restored bias makes a person of black pixels.
    prediction = deeplab.load(output)(np.zeros((4, 5, 3), np.uint8))
    assert (prediction.semantic_pred == 3).all()
    assert run(*words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(*words, "--overwrite") == 0


def test_weights_of_sixteen_bits(trained, tmp_path):
    words = [f"--checkpoint={trained}/best/ckpt-1.index", f"--output={tmp_path}/out"]
    assert run(*words, "--bfloat16_weights", "--outputs", "semantic_pred") == 0
    stored = tf.train.load_checkpoint(f"{tmp_path}/out/variables/variables")
    types = stored.get_variable_to_dtype_map().values()
    assert set(types) - {tf.string, tf.int64} == {tf.bfloat16}
    prediction = deeplab.load(tmp_path / "out")(np.zeros((4, 5, 3), np.uint8))
    assert prediction.panoptic_pred is None
    assert (prediction.semantic_pred == 3).all()


def test_a_checkpoint_without_the_whole_model_is_refused(trained, tmp_path, capsys):
    part = tf.train.Checkpoint(encoder=tf.Module())
    part.encoder.kernel = tf.Variable(tf.zeros([1, 1, 3, 4]))
    prefix = part.save(str(tmp_path / "part"))
    words = [f"--checkpoint={prefix}", f"--output={tmp_path}/out"]
    assert run(*words, f"--config_file={trained}/config.textproto") == 2
    error = capsys.readouterr().err
    assert "does not contain the whole model" in error
    assert "missing encoder/bias" in error
    assert not (tmp_path / "out").exists()


def test_a_missing_checkpoint_or_config_is_said(trained, tmp_path, capsys):
    nowhere = tmp_path / "nowhere" / "deep" / "deeper" / "ckpt-1"
    assert run(f"--checkpoint={nowhere}", f"--output={tmp_path}/out") == 2
    assert "give --config_file" in capsys.readouterr().err
    config = f"--config_file={trained}/config.textproto"
    assert run(f"--checkpoint={nowhere}", f"--output={tmp_path}/out", config) == 2
    assert "no such checkpoint" in capsys.readouterr().err
