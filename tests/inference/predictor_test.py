import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import deeplab
from deeplab.core.structures import Prediction
from deeplab.inference.predictor import Predictor
from deeplab.inference.read_image import read_image
from tests.visualization import scene


def preprocess(image):
    return tf.cast(image, tf.float32), tf.shape(image)[:2]


class RedModel:
    """Takes red for the class, green and blue for offsets."""

    input_channels = 3
    video = None

    def __call__(self, images, training):
        return Prediction(
            semantic_pred=tf.cast(images[..., 0], tf.int32),
            offset_map=images[..., 1:],
        )


@pytest.fixture(scope="module")
def predictor():
    return Predictor.of_model(RedModel(), preprocess, scene.info())


def test_an_image_a_batch_and_a_list(predictor):
    image = scene.image()
    one = predictor(image)
    assert isinstance(one, Prediction)
    np.testing.assert_array_equal(one.semantic_pred, image[..., 0])
    assert one.offset_map.shape == (48, 96, 2)
    assert one.panoptic_pred is None
    batch = predictor(np.stack([image, 255 - image]))
    np.testing.assert_array_equal(batch.semantic_pred[1], 255 - image[..., 0])
    several = predictor([image, image[:5, :6], Image.fromarray(image[:7])])
    assert [p.semantic_pred.shape for p in several] == [(48, 96), (5, 6), (7, 96)]
    assert predictor([]) == []


def test_it_knows_what_its_labels_mean(predictor):
    assert predictor.info.by_id[2].name == "car"


def test_files_of_every_kind_are_read(tmp_path):
    rgb = scene.image(6, 8)
    images = {
        "rgb.png": Image.fromarray(rgb),
        "alpha.png": Image.fromarray(np.dstack([rgb, rgb[..., 0]])),
        "grey.png": Image.fromarray(rgb[..., 0]),
        "deep.png": Image.fromarray(rgb[..., 0].astype(np.uint16) * 256 + 7),
        "palette.png": Image.fromarray(rgb[..., 0] // 64).convert("P"),
        "rgb.tif": Image.fromarray(rgb),
        "cmyk.tif": Image.fromarray(rgb).convert("CMYK"),
    }
    for name, image in images.items():
        image.save(tmp_path / name)
        read = read_image(tmp_path / name)
        assert read.shape == (6, 8, 3), name
        assert read.dtype == np.uint8, name
        np.testing.assert_array_equal(read, read_image(image), name)
    for name in ("rgb.png", "alpha.png", "rgb.tif"):
        np.testing.assert_array_equal(read_image(str(tmp_path / name)), rgb)
    grey = np.repeat(rgb[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), grey)
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png"), grey)


def test_jpeg_files_are_decoded_as_the_input_pipeline_does(tmp_path):
    image = np.asarray(Image.fromarray(scene.image(9, 9)).resize((33, 33)))
    Image.fromarray(image).save(tmp_path / "a.jpg", quality=90)
    decoded = tf.io.decode_image((tmp_path / "a.jpg").read_bytes(), channels=3)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), decoded)
    Image.fromarray(image).convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert np.abs(read_image(tmp_path / "cmyk.jpg").astype(int) - image).mean() < 8


@pytest.mark.parametrize("channels", [None, 1, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_arrays_of_other_layouts(channels, dtype):
    rgb = scene.image(4, 5)
    values = rgb[..., 0] if channels is None else np.dstack([rgb, rgb])[..., :channels]
    wide = values.astype(dtype) * (257 if dtype == np.uint16 else 1)
    read = read_image(wide)
    expected = rgb if channels == 4 else np.repeat(rgb[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5, 2), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((3,), np.uint8),
        np.zeros((2, 2, 4, 5, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_image_are_refused(array, predictor):
    with pytest.raises(ValueError, match=r"an image must be \[H, W, 3\] uint8"):
        predictor(array)


def test_an_empty_batch_is_refused(predictor):
    with pytest.raises(ValueError, match="batch is empty"):
        predictor(np.zeros((0, 4, 5, 3), np.uint8))


def test_broken_files_are_named(tmp_path):
    whole = io.BytesIO()
    Image.fromarray(scene.image()).save(whole, "PNG")
    for name, data in {
        "text.jpg": b"no image",
        "empty.png": b"",
        "cut.png": whole.getvalue()[:600],
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=name):
            read_image(tmp_path / name)
    with pytest.raises(OSError, match=r"missing\.png"):
        read_image(tmp_path / "missing.png")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere is not a directory.*deeplab export"):
        deeplab.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is not an exported model"):
        deeplab.load(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match=r"has no dataset\.json"):
        deeplab.load(str(tmp_path))
