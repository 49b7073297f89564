import numpy as np
import pytest
from PIL import Image

from deeplab.core.structures import Example, Prediction
from deeplab.datasets import DATASETS
from deeplab.protos.evaluator_pb2 import EvaluatorOptions
from deeplab.visualization import raw_predictions as raw
from tests.visualization import scene

IDS = np.array([[0, 1, 2], [3, 2, 0]], np.int32)


def test_bytes_of_the_published_layouts(tmp_path):
    instances = np.array([[0, 0, 1], [2, 255, 0]], np.int32)
    raw.write_panoptic(tmp_path / "a.png", "two_channel_png", IDS, instances)
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(pixels[1, 1], [2, 255, 0])
    instances[1, 1] = 259
    raw.write_panoptic(tmp_path / "b.png", "three_channel_png", IDS, instances)
    pixels = np.asarray(Image.open(tmp_path / "b.png"))
    np.testing.assert_array_equal(pixels[1, 1], [2, 1, 3])
    raw.write_panoptic(tmp_path / "c.npy", "two_channel_numpy_array", IDS, instances)
    array = np.load(tmp_path / "c.npy")
    assert array.dtype == np.int32
    np.testing.assert_array_equal(array[1, 1], [2, 259, 0])


@pytest.mark.parametrize("name", raw.FORMATS)
def test_what_is_written_is_read(name, tmp_path):
    layout = raw.FORMATS[name]
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 256, (7, 5), np.int32)
    instances = rng.integers(0, min(layout.max_instance, 10**6) + 1, (7, 5), np.int32)
    instances[0, 0] = min(layout.max_instance, 2**31 - 1)
    path = tmp_path / f"map{layout.suffix}"
    raw.write_panoptic(path, name, classes, instances)
    read = raw.read_panoptic(path, name)
    for a, b in zip(read, (classes, instances), strict=True):
        assert a.dtype == np.int32
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "class_id", "instance"),
    [
        ("two_channel_png", 256, 0),
        ("two_channel_png", 0, 256),
        ("three_channel_png", 256, 0),
        ("three_channel_png", 0, 65536),
    ],
)
def test_ids_that_do_not_fit_are_refused(name, class_id, instance, tmp_path):
    ids = np.zeros((2, 2), np.int32)
    with pytest.raises(ValueError, match=f"256|65536.*{name}.*numpy"):
        raw.write_panoptic(tmp_path / "a.png", name, ids + class_id, ids + instance)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("largest", [255, 256, 65535])
def test_class_maps_are_written_and_read(largest, tmp_path):
    classes = np.array([[0, largest]], np.int32)
    raw.write_semantic(tmp_path / "a.png", classes)
    np.testing.assert_array_equal(raw.read_semantic(tmp_path / "a.png"), classes)
    assert Image.open(tmp_path / "a.png").mode == ("L" if largest < 256 else "I;16")


def test_a_class_map_beyond_sixteen_bits_is_refused(tmp_path):
    with pytest.raises(ValueError, match="65536"):
        raw.write_semantic(tmp_path / "a.png", np.array([[65536]]))


def test_files_of_another_format_are_refused(tmp_path):
    raw.write_semantic(tmp_path / "grey.png", IDS)
    with pytest.raises(ValueError, match=r"grey\.png.*mode L"):
        raw.read_panoptic(tmp_path / "grey.png", "two_channel_png")
    raw.write_panoptic(tmp_path / "rgb.png", "two_channel_png", IDS, IDS)
    with pytest.raises(ValueError, match=r"rgb\.png.*mode RGB"):
        raw.read_semantic(tmp_path / "rgb.png")
    np.save(tmp_path / "flat.npy", IDS)
    with pytest.raises(ValueError, match=r"flat\.npy.*\[2, 3\]"):
        raw.read_panoptic(tmp_path / "flat.npy", "two_channel_numpy_array")


def test_evaluation_ids_of_cityscapes_are_the_published_ones():
    table = raw.evaluation_id_table(DATASETS.get("cityscapes_panoptic")().info)
    published = (
        7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33
    )  # fmt: skip
    np.testing.assert_array_equal(table[:19], published)
    assert not table[19:].any()
    assert len(table) == 256


def test_void_is_no_class_where_zero_is_one():
    table = raw.evaluation_id_table(DATASETS.get("toy_street")().info)
    np.testing.assert_array_equal(table[:8], range(8))
    assert set(table[8:]) == {255}


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
    classes, instances = raw.read_panoptic(
        tmp_path / "raw_panoptic/city/frame_1.png", "two_channel_png"
    )
    person, void = (24, 0) if converts else (3, 255)
    assert (classes[30, 65], instances[30, 65]) == (person, 1)
    assert (classes[-1, 0], instances[-1, 0]) == (void, 0)
    semantic = raw.read_semantic(tmp_path / "raw_semantic/city/frame_1.png")
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
