import pytest
import tensorflow as tf

from deeplab.exporting import config_beside
from deeplab.trainer.run_folder import RunFolder


@pytest.mark.parametrize("place", ["local", "ram://exporting"])
@pytest.mark.parametrize("checkpoint", ["", "best", "best/ckpt-1", "ckpt-1.index"])
def test_the_config_of_the_run_is_found(place, checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(place)
    folder.make()
    folder.write("config.textproto", "")
    try:
        found = config_beside(folder.join(checkpoint) if checkpoint else place)
        assert found == folder.join("config.textproto")
    finally:
        tf.io.gfile.rmtree(folder.path)


def test_without_one_the_flag_is_named(tmp_path):
    with pytest.raises(ValueError, match="give --config_file"):
        config_beside(str(tmp_path / "a" / "b" / "ckpt-1"))
