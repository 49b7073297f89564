import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab.data import tfexample
from deeplab.data.encoded_label import decode_label, encode_label
from deeplab.data.parsed_example import Wanted, parse_example
from tests.numbered import label_space

LABEL = np.array([[0, 1, 255_000], [65_536, 2**24 - 1, 7]], np.int32)


NOISE = np.random.default_rng(0).integers(0, 256, (30, 40)).astype(np.uint8)


def image_file(height, width, file_format="PNG", mode="RGB"):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, file_format)
    return buffer.getvalue(), pixels


def encoded(label=LABEL, height=2, width=3, **fields):
    given = {
        "image": image_file(height, width)[0],
        "image_format": "png",
        "filename": "street",
        "height": height,
        "width": width,
        "label": label,
    }
    return tfexample.encode_example(**{**given, **fields})


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def with_label(data, label_format):
    """A record as another program may have written it."""
    example = tf.train.Example.FromString(encoded())
    feature = example.features.feature
    feature[tfexample.LABEL].bytes_list.value[:] = [data]
    feature[tfexample.LABEL_FORMAT].bytes_list.value[:] = [label_format]
    return example.SerializeToString()


def parse_both_ways(serialized, **options):
    """Parses eagerly and inside tf.data; both must agree."""
    eager = parse_example(serialized, **options)
    dataset = tf.data.Dataset.from_tensors(serialized)
    dataset = dataset.map(lambda s: parse_example(s, **options))
    (mapped,) = dataset.as_numpy_iterator()
    assert mapped.keys() == eager.keys()
    for key, value in mapped.items():
        np.testing.assert_array_equal(value, eager[key].numpy())
    return mapped


def test_keys_are_the_published_ones():
    published = json.loads((Path(__file__).parent / "published_keys.json").read_text())
    ours = {
        value
        for name, value in vars(tfexample).items()
        if name.isupper() and isinstance(value, str) and "/" in value
    }
    # DeepLab2 has no records for classification.
    assert ours - {tfexample.CLASS_ID} == {
        key.removesuffix("%s") for key in published.values()
    }


@pytest.mark.parametrize(
    ("label", "mode"),
    [(LABEL, "RGB"), (np.array([[2**31 - 1, 0, 2**24]]), "RGBA")],
)
def test_labels_survive_as_png(label, mode):
    data = encode_label(label)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == mode
    size = label.shape
    decoded = decode_label(data, "png", *size)
    assert decoded.dtype == np.int32
    np.testing.assert_array_equal(decoded, label)
    parsed = parse_both_ways(encoded(label, *size))
    assert parsed["label"].dtype == np.int32
    np.testing.assert_array_equal(parsed["label"], label)


def test_png_is_red_plus_256_green_plus_65536_blue():
    data = encode_label(np.array([[3 + 256 * 5 + 65536 * 7]]))
    with Image.open(io.BytesIO(data)) as image:
        assert image.getpixel((0, 0)) == (3, 5, 7)


def test_round_trip():
    image, pixels = image_file(2, 3)
    parsed = parse_both_ways(encoded(image=image))
    np.testing.assert_array_equal(parsed["image"], pixels)
    assert parsed["image"].dtype == np.uint8
    assert parsed["filename"] == b"street"


def test_the_shape_is_known_where_it_can_be():
    parsed = tf.function(parse_example).get_concrete_function(
        tf.TensorSpec((), tf.string)
    )
    assert parsed.structured_outputs["image"].shape.as_list() == [None, None, 3]
    assert parsed.structured_outputs["label"].shape.as_list() == [None, None]


def test_published_raw_labels():
    serialized = with_label(LABEL.astype("<i4").tobytes(), b"raw")
    np.testing.assert_array_equal(parse_both_ways(serialized)["label"], LABEL)
    record = tfexample.read_example(serialized)
    decoded = decode_label(record.label, record.label_format, 2, 3)
    np.testing.assert_array_equal(decoded, LABEL)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_published_semantic_labels_become_panoptic(dtype):
    class_ids = np.array([[0, 18, 255], [1, 2, 254 if dtype == np.uint8 else 1000]])
    data = png(class_ids.astype(dtype))
    labels = label_space(19, label_divisor=100)
    parsed = parse_both_ways(with_label(data, b"png"), labels=labels)
    np.testing.assert_array_equal(parsed["label"], class_ids * 100)
    decoded = decode_label(data, "png", 2, 3, labels)
    np.testing.assert_array_equal(decoded, class_ids * 100)


def test_grey_values_stay_as_they_are_without_a_label_space():
    class_ids = np.array([[0, 18, 255], [1, 2, 254]], np.uint8)
    parsed = parse_both_ways(with_label(png(class_ids), b"png"))
    np.testing.assert_array_equal(parsed["label"], class_ids)
    decoded = decode_label(png(class_ids), "png", 2, 3)
    np.testing.assert_array_equal(decoded, class_ids)


def test_without_a_label():
    serialized = encoded(label=None)
    assert tfexample.read_example(serialized).label is None
    parsed = parse_both_ways(serialized, wanted=Wanted(label=False))
    assert "label" not in parsed
    np.testing.assert_array_equal(parsed["image"], image_file(2, 3)[1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=tfexample.LABEL):
        parse_example(serialized)


def test_jpeg_images():
    image, _ = image_file(8, 9, "JPEG")
    label = np.zeros((8, 9), np.int32)
    parsed = parse_both_ways(encoded(label, 8, 9, image=image, image_format="jpeg"))
    assert parsed["image"].shape == (8, 9, 3)


def test_video_and_depth_fields():
    depth = png(np.full((2, 3), 256, np.uint16))
    serialized = encoded(
        next_image=b"next",
        next_label=LABEL,
        previous_label=LABEL + 1,
        sequence_id="0003",
        frame_id="000012",
        depth=depth,
    )
    features = tf.train.Example.FromString(serialized).features.feature

    def value(key):
        return features[key].bytes_list.value[0]

    assert value(tfexample.SEQUENCE_ID) == b"0003"
    assert value(tfexample.FRAME_ID) == b"000012"
    assert value(tfexample.NEXT_IMAGE) == b"next"
    assert value(tfexample.DEPTH) == depth
    assert value(tfexample.DEPTH_FORMAT) == b"png"
    next_label = decode_label(value(tfexample.NEXT_LABEL), "png", 2, 3)
    np.testing.assert_array_equal(next_label, LABEL)
    assert tfexample.PREVIOUS_IMAGE not in features


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_format": "gif"}, "image format 'gif': choose one of"),
        ({"label": LABEL.T}, "street: the image is 2 x 3, but .* is 3 x 2"),
        ({"label": LABEL - 1}, "labels range from -1 to"),
        ({"label": LABEL.astype(float)}, r"integers, not float64\[2, 3\]"),
        ({"next_label": LABEL[:1]}, "next_image/.* is 1 x 3"),
    ],
)
def test_what_cannot_be_written_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        encoded(**fields)


@pytest.mark.parametrize(
    ("data", "label_format", "message"),
    [
        (b"\x00" * 23, "raw", "the label has 23 bytes; an image of 2 x 3 needs 24"),
        (b"no PNG", "png", "not a readable PNG"),
        (png(NOISE)[:900], "png", "not a readable PNG"),
        (png(np.zeros((3, 2), np.uint8)), "png", "label is 3 x 2, the image is 2 x 3"),
        (png(np.zeros((2, 3, 2), np.uint8)), "png", "RGB or RGBA, not LA"),
        (b"", "webp", "label format 'webp' is unknown; known: png, raw"),
    ],
)
def test_broken_labels(data, label_format, message):
    with pytest.raises(ValueError, match=message):
        decode_label(data, label_format, 2, 3)
    serialized = with_label(data, label_format.encode())
    with pytest.raises(tf.errors.InvalidArgumentError):
        parse_example(serialized)


def test_a_label_of_another_size_names_the_image():
    serialized = with_label(png(np.zeros((3, 2, 3), np.uint8)), b"png")
    with pytest.raises(tf.errors.InvalidArgumentError, match="label of street differ"):
        parse_example(serialized)


@pytest.mark.parametrize(
    ("serialized", "message"),
    [
        (b"\xff\xff", "not a tf.train.Example"),
        (tf.train.Example().SerializeToString(), "no image/encoded, image/height, "),
    ],
)
def test_foreign_records(serialized, message):
    with pytest.raises(ValueError, match=message):
        tfexample.read_example(serialized)


def test_a_key_of_the_wrong_type():
    example = tf.train.Example.FromString(encoded())
    feature = example.features.feature
    feature[tfexample.HEIGHT].bytes_list.value[:] = [b"2"]
    with pytest.raises(ValueError, match="image/height has 0 int64"):
        tfexample.read_example(example.SerializeToString())
