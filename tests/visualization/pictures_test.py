import numpy as np
from PIL import Image

from deeplab.core.structures import PREDICTION_FIELDS, Example, Prediction
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.visualization import WRITERS, build_writers
from deeplab.visualization.field_pictures import DRAWINGS, field_pictures
from deeplab.visualization.pictures import PictureWriter, shown_image
from tests.visualization import scene


def example(**fields):
    label = scene.labels()
    return Example(
        scene.image().astype(np.float32),
        semantic_raw=label // 1000,
        panoptic_raw=label,
        image_filename=np.array(b"a.png"),
        **fields,
    )


def prediction():
    label = np.roll(scene.labels(), 2, axis=1)
    return Prediction(
        semantic_pred=label // 1000,
        panoptic_pred=label,
        center_heatmap=np.linspace(0, 1, label.size, dtype=np.float32).reshape(
            label.shape
        ),
        offset_map=np.ones((*label.shape, 2), np.float32),
    )


def test_pictures_have_the_published_names(tmp_path):
    PictureWriter(tmp_path, scene.info(), 1).write(example(), prediction())
    assert sorted(p.stem.removeprefix("000000_") for p in tmp_path.iterdir()) == [
        "center_prediction",
        "image",
        "offset_prediction_rgb",
        "panel",
        "panoptic_label",
        "panoptic_prediction",
        "semantic_error",
        "semantic_label",
        "semantic_prediction",
    ]


def test_errors_are_white_where_a_labelled_pixel_is_wrong(tmp_path):
    PictureWriter(tmp_path, scene.info(), 1).write(example(), prediction())
    shown = np.asarray(Image.open(tmp_path / "000000_semantic_error.png"))
    truth, guess = example().semantic_raw, prediction().semantic_pred
    np.testing.assert_array_equal(shown == 255, (truth != guess) & (truth != 255))
    assert 0 < (shown == 255).sum() < shown.size


def test_only_the_first_images_of_each_evaluation_are_drawn(tmp_path):
    writer = PictureWriter(tmp_path, scene.info(), 2)
    for _ in range(2):
        writer.reset()
        for _ in range(3):
            writer.write(example(), prediction())
    panels = sorted(p.name for p in tmp_path.glob("*panel.png"))
    assert panels == ["000000_panel.png", "000001_panel.png"]


def test_a_semantic_model_without_labels(tmp_path):
    only = Prediction(semantic_pred=prediction().semantic_pred)
    unlabeled = example()._replace(semantic_raw=None, panoptic_raw=None)
    PictureWriter(tmp_path, scene.info(), 1).write(unlabeled, only)
    assert {p.stem for p in tmp_path.iterdir()} == {
        "000000_panel",
        "000000_image",
        "000000_semantic_prediction",
    }


def test_the_image_is_shown_without_padding_and_as_large_as_stored():
    image = np.zeros((9, 9, 3), np.float32)
    image[:4, :6] = 99.6
    shown = shown_image(
        Example(image, resized_size=np.array([4, 6]), size_raw=np.array([8, 12]))
    )
    assert shown.shape == (8, 12, 3)
    assert shown.dtype == np.uint8
    assert (shown == 100).all()


def test_options_choose_the_writers(tmp_path):
    assert build_writers(EvaluatorOptions(), scene.info(), tmp_path) == []
    options = EvaluatorOptions(save_predictions=True, save_raw_predictions=True)
    writers = build_writers(options, scene.info(), tmp_path)
    assert len(writers) == len(WRITERS.names()) == 2
    for writer in writers:
        writer.reset()
        writer.write(example(), prediction())
    assert (tmp_path / "000000_panel.png").exists()
    assert (tmp_path / "raw_panoptic" / "a.png").exists()


def test_fields_that_are_drawn_alone_have_a_drawing():
    kinds = {record.kind for record in PREDICTION_FIELDS.values() if record.picture}
    assert kinds == set(DRAWINGS)


def test_offsets_are_drawn_on_things_alone():
    image, whole = scene.image(), prediction()
    pictures = dict(field_pictures(image, whole, scene.info()))
    assert set(pictures) == {"center_prediction", "offset_prediction_rgb"}
    stuff = ~np.isin(whole.semantic_pred, scene.info().thing_ids)
    assert stuff.any()
    assert (pictures["offset_prediction_rgb"][stuff] == 0).all()
    unlabelled = whole._replace(semantic_pred=None)
    assert set(dict(field_pictures(image, unlabelled, scene.info()))) == {
        "center_prediction"
    }
