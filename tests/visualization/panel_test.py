import numpy as np
import pytest

from deeplab.core.structures import Example, Prediction
from deeplab.visualization.panel import prediction_panel, side_by_side, with_legend
from tests.visualization import scene


def test_columns_stand_side_by_side_under_a_strip_of_titles():
    a = np.full((40, 30, 3), 10, np.uint8)
    b = np.full((40, 50, 3), 20, np.uint8)
    sheet = side_by_side({"a": a, "b": b})
    strip = 20
    assert sheet.shape == (strip + 40 + 8, 8 + 30 + 8 + 50 + 8, 3)
    np.testing.assert_array_equal(sheet[strip : strip + 40, 8:38], a)
    np.testing.assert_array_equal(sheet[strip : strip + 40, 46:96], b)
    assert (sheet[:strip] < 100).any(), "no title"


def test_a_legend_names_every_class_below_the_picture():
    info = scene.info()
    picture = np.zeros((60, 200, 3), np.uint8)
    sheet = with_legend(picture, info.classes)
    np.testing.assert_array_equal(sheet[:60], picture)
    legend = {tuple(color) for color in sheet[60:].reshape(-1, 3)}
    assert {c.color for c in info.classes} <= legend


def test_a_long_legend_takes_more_rows():
    info = scene.info()
    picture = np.zeros((60, 80, 3), np.uint8)
    assert len(with_legend(picture, info.classes)) > len(
        with_legend(picture, info.classes[:1])
    )
    assert len(with_legend(picture, [])) >= 60


def test_panel_shows_truth_where_there_is_one():
    label, image, info = scene.labels(), scene.image(), scene.info()
    prediction = Prediction(panoptic_pred=label, semantic_pred=label // 1000)
    truth = Example(image, panoptic_raw=label, semantic_raw=label // 1000)
    with_truth = prediction_panel(image, prediction, info, truth)
    without = prediction_panel(image, prediction, info)
    # Enlarged eight times, to 384 rows.
    assert without.shape[1] == 2 * 96 * 8 + 3 * 8
    assert with_truth.shape[1] == 3 * 96 * 8 + 4 * 8
    rows = slice(24, 24 + 384)
    shown = [with_truth[rows, 8 + i * (768 + 8) :][:, :768] for i in range(3)]
    np.testing.assert_array_equal(shown[1], shown[2])
    assert (shown[0] != shown[1]).any()


def test_a_semantic_model_shows_classes():
    label, image, info = scene.labels(), scene.image(), scene.info()
    prediction = Prediction(semantic_pred=label // 1000)
    truth = Example(image, panoptic_raw=label, semantic_raw=label // 1000)
    panel = prediction_panel(image, prediction, info, truth)
    assert panel.shape[1] == 3 * 96 * 8 + 4 * 8


def test_a_large_image_is_not_enlarged():
    label = np.zeros((400, 20), np.int32)
    image = np.zeros((400, 20, 3), np.uint8)
    panel = prediction_panel(image, Prediction(semantic_pred=label), scene.info())
    assert panel.shape[1] == 2 * 20 + 3 * 8


def test_a_prediction_without_classes_is_refused():
    with pytest.raises(ValueError, match="neither panoptic_pred nor semantic_pred"):
        prediction_panel(scene.image(), Prediction(), scene.info())
