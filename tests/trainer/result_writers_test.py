import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.structures import Example, Prediction
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.trainer.result_writers import result_writers
from deeplab.trainer.run_folder import RunFolder
from tests.visualization import scene


@pytest.fixture
def options():
    return EvaluatorOptions(
        save_raw_predictions=True, raw_panoptic_format="coco_panoptic"
    )


def evaluate(writers, name):
    label = scene.labels()
    example = Example(scene.image(), image_filename=np.array(name))
    for writer in writers:
        writer.reset()
        writer.write(example, Prediction(panoptic_pred=label))
        writer.close()


def test_a_local_run_has_its_files_in_vis(options, tmp_path):
    evaluate(result_writers(options, scene.info(), RunFolder(tmp_path)), b"7.png")
    assert (tmp_path / "vis/raw_panoptic/panoptic.json").exists()
    options.override_save_dir = str(tmp_path / "elsewhere")
    evaluate(result_writers(options, scene.info(), RunFolder(tmp_path)), b"7.png")
    assert (tmp_path / "elsewhere/raw_panoptic/panoptic.json").exists()


def test_a_remote_run_has_the_same_files(options, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = RunFolder("ram://result_writers")
    writers = result_writers(options, scene.info(), folder)
    (writer,) = writers
    writer.reset()  # An evaluation that does not end leaves nothing.
    example = Example(scene.image(), image_filename=np.array(b"6.png"))
    writer.write(example, Prediction(panoptic_pred=scene.labels()))
    evaluate(writers, b"7.png")
    try:
        raw = folder.below("vis/raw_panoptic")
        assert raw.names() == ["panoptic", "panoptic.json"]
        assert raw.exists("panoptic/7.png")
        assert not raw.exists("panoptic/6.png")
    finally:
        tf.io.gfile.rmtree(folder.path)
    assert not list(tmp_path.iterdir())


def test_without_options_nothing_is_written():
    for place in ("run", "ram://run"):
        assert result_writers(EvaluatorOptions(), scene.info(), RunFolder(place)) == []
