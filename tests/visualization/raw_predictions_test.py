import numpy as np
import pytest

from deeplab.core.structures import Example, Prediction
from deeplab.predictions import FORMATS
from deeplab.predictions.channels import LAYOUTS
from deeplab.predictions.semantic_png import read_semantic
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.visualization import raw_predictions as raw
from tests.visualization import scene

IDS = np.array([[0, 1, 2], [3, 2, 0]], np.int32)


@pytest.mark.parametrize("converts", [True, False])
def test_an_evaluation_leaves_files_named_after_the_images(converts, tmp_path):
    options = EvaluatorOptions(
        save_raw_predictions=True, convert_raw_to_eval_ids=converts
    )
    writer = raw.build_raw_predictions(options, scene.info(), tmp_path)
    assert writer is not None
    label = scene.labels()
    example = Example(scene.image(), image_filename=np.array(b"city/frame_1.png"))
    for _ in range(2):
        writer.reset()
        writer.write(
            example, Prediction(semantic_pred=label // 1000, panoptic_pred=label)
        )
    files = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")}
    assert files == {"raw_panoptic/city/frame_1.png", "raw_semantic/city/frame_1.png"}
    read = LAYOUTS["two_channel_png"].read
    classes, instances = read(tmp_path / "raw_panoptic/city/frame_1.png")
    person, void = (24, 0) if converts else (3, 255)
    assert (classes[30, 65], instances[30, 65]) == (person, 1)
    assert (classes[-1, 0], instances[-1, 0]) == (void, 0)
    semantic = read_semantic(tmp_path / "raw_semantic/city/frame_1.png")
    np.testing.assert_array_equal(semantic, classes)


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path):
    writer = raw.RawPredictionWriter(tmp_path / "out", scene.info())
    example = Example(scene.image(), image_filename="../../elsewhere")
    with pytest.raises(ValueError, match="elsewhere"):
        writer.write(example, Prediction(semantic_pred=IDS))
    with pytest.raises(ValueError, match="no name"):
        writer.write(Example(scene.image()), Prediction(semantic_pred=IDS))
    assert not list(tmp_path.rglob("*.png"))


def test_an_unknown_format_lists_the_known():
    options = EvaluatorOptions(raw_panoptic_format="four_channel_png")
    with pytest.raises(ValueError, match=r"four_channel_png.*two_channel_png"):
        raw.build_raw_predictions(options, scene.info(), raw.Path("x"))


def written(folder, name, example, prediction, info=None):
    writer = raw.RawPredictionWriter(folder, info or scene.info(), name)
    writer.reset()
    writer.write(example, prediction)
    writer.close()
    layout = FORMATS.get(name)()
    return layout.read(folder / "raw_panoptic" / layout.index, info or scene.info())


def test_any_format_can_be_chosen(tmp_path):
    label = scene.labels()
    scores = np.full(label.shape, 0.5, np.float32)
    prediction = Prediction(panoptic_pred=label, instance_scores=scores)
    example = Example(scene.image(), image_filename=b"7.png")
    for name in ("coco_panoptic", "coco_instances"):
        found = written(tmp_path / name, name, example, prediction)["7"].load()
        things = np.isin(label // 1000, scene.info().thing_ids)
        np.testing.assert_array_equal(
            found.panoptic[things] // 1000, label[things] // 1000
        )
    assert (found.scores[things] == 0.5).all()


def test_frames_are_called_by_video_and_number(tmp_path):
    example = Example(
        None, image_filename=b"0002_000003.png", sequence_id=b"0002", frame_id=b"000003"
    )
    prediction = Prediction(panoptic_pred=scene.labels())
    assert list(written(tmp_path, "kitti_step", example, prediction)) == ["0002/000003"]


def test_what_a_format_cannot_have_is_said(tmp_path):
    example = Example(None, image_filename="7.png")
    classes = Prediction(semantic_pred=scene.labels() // 1000)
    (name,) = written(tmp_path, "semantic_png", example, classes)
    assert name == "7"
    with pytest.raises(ValueError, match="needs instances, which the model"):
        written(tmp_path, "coco_panoptic", example, classes)
    with pytest.raises(ValueError, match="set convert_raw_to_eval_ids to true"):
        raw.RawPredictionWriter(tmp_path, scene.info(), "coco_panoptic", False)


def test_nothing_is_written_unless_asked_for(tmp_path):
    assert raw.build_raw_predictions(EvaluatorOptions(), scene.info(), tmp_path) is None
