import numpy as np
import pytest

from deeplab.core.structures import Example, Prediction
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


def test_nothing_is_written_unless_asked_for(tmp_path):
    assert raw.build_raw_predictions(EvaluatorOptions(), scene.info(), tmp_path) is None
