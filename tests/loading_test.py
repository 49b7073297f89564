import io
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import deeplab
from deeplab import factory, loading
from deeplab.config import parse_config
from deeplab.weights.error import WeightsError
from deeplab.zoo.table import ZooError
from tests.export.tiny import export_tiny

NAME = "resnet50_os32_panoptic_deeplab_coco_train_2"
# What NAME's config is replaced by: a model that is built in a second.
CONFIG = """
model_options {
  backbone { name: "mobilenet_v3_small" output_stride: 32 }
  decoder { feature_key: "res5" aspp_channels: 8 decoder_channels: 8
            atrous_rates: [1, 2, 3] }
  deeplab_v3 { num_classes: 5 }
}
train_dataset_options { crop_size: [65, 65] }
"""


@pytest.fixture
def config(monkeypatch):
    message = parse_config(CONFIG)
    monkeypatch.setattr(loading, "read_config", lambda path: message)
    return message


def publish(folder, items, name=NAME):
    """Writes a checkpoint in the published layout, beside what training left there."""
    folder.mkdir(exist_ok=True)
    checkpoint = tf.train.Checkpoint(**items, global_step=tf.Variable(9))
    prefix = checkpoint.write(str(folder / "ckpt-9"))
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as tar:
        for suffix in (".index", ".data-00000-of-00001"):
            tar.add(prefix + suffix, arcname=f"{name}/ckpt-9{suffix}")


def load(tmp_path, name=NAME, **options):
    places = {"cache": tmp_path / "cache", "source": str(tmp_path / "served")}
    return deeplab.load(name, **places, **options)


def test_published_model_by_name(config, tmp_path):
    model = factory.build_model(config)
    publish(tmp_path / "served", model.checkpoint_items)
    predictor = load(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (65, 65, 3), np.uint8)
    prediction = predictor(image)
    expected = model(image[None].astype(np.float32), training=False)
    np.testing.assert_array_equal(
        prediction.semantic_pred, expected.semantic_pred[0].numpy()
    )
    assert prediction.semantic_probs is None
    assert len(predictor.info.classes) == 5
    full = load(tmp_path, fields=["semantic_probs"])(image)
    assert full.semantic_probs.shape == (65, 65, 5)


def test_checkpoint_has_to_hold_the_whole_model(config, tmp_path):
    items = dict(factory.build_model(config).checkpoint_items)
    del items[sorted(items)[-1]]
    publish(tmp_path / "served", items)
    with pytest.raises(WeightsError, match="does not contain the whole model"):
        load(tmp_path)


@pytest.mark.parametrize("escape", ["../outside.index", "/outside.index"])
def test_archive_that_leads_outside_is_refused(config, tmp_path, monkeypatch, escape):
    (tmp_path / "served").mkdir()
    with tarfile.open(tmp_path / "served" / f"{NAME}.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo(escape)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"bad"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "unpacked"))
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(WeightsError, match=r"cannot (unpack|read)"):
        load(tmp_path)
    assert not list(tmp_path.rglob("outside.index"))
    assert not Path("/outside.index").exists()


def test_link_in_an_archive_is_refused(config, tmp_path):
    (tmp_path / "served").mkdir()
    with tarfile.open(tmp_path / "served" / f"{NAME}.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("ckpt.index")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(WeightsError, match="cannot unpack"):
        load(tmp_path)


def test_no_archive_at_all(config, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / f"{NAME}.tar.gz").write_text("<html>sign in</html>")
    with pytest.raises(WeightsError, match="cannot unpack"):
        load(tmp_path)


def test_folder_still_loads(tmp_path, monkeypatch):
    export_tiny(tmp_path / "exported")
    predictor = deeplab.load(tmp_path / "exported")
    image = np.zeros((20, 30, 3), np.uint8)
    assert predictor(image).semantic_pred.shape == (20, 30)
    # A folder wins over a name, and needs no slash.
    monkeypatch.chdir(tmp_path)
    assert deeplab.load("exported")(image).semantic_pred.shape == (20, 30)


def test_weights_to_start_from_are_no_model(tmp_path):
    with pytest.raises(ZooError, match="set initial_checkpoint to its path"):
        load(tmp_path, "resnet50_imagenet1k")


def test_neither_folder_nor_name(tmp_path):
    with pytest.raises(
        ZooError,
        match=r"'kmax_r50' is not a directory, and no published .* did you mean",
    ):
        load(tmp_path, "kmax_r50")
    with pytest.raises(ValueError, match="is not a directory"):
        load(tmp_path, "runs/absent")
