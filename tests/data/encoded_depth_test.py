import io

import numpy as np
import pytest
from PIL import Image

from deeplab.data.encoded_depth import decode_depth, encode_depth

DEPTH = np.array([[0, 0.5, 88.125], [255.99, 1 / 256, 3.1]], np.float32)


def test_depth_survives_to_half_a_unit():
    data = encode_depth(DEPTH)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "I;16"
        assert np.asarray(image)[0].tolist() == [0, 128, 22560]
    decoded = decode_depth(data, "png", 2, 3)
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, DEPTH, rtol=0, atol=0.5 / 256)


def test_published_raw_depth():
    """Published records hold int32, beyond what a PNG of 16 bits could."""
    units = np.array([[0, 128, 20461], [2**17, 1, 256]], np.int32)
    decoded = decode_depth(units.astype("<i4").tobytes(), "raw", 2, 3)
    np.testing.assert_array_equal(decoded, units / 256)


@pytest.mark.parametrize(
    ("depth", "message"),
    [
        (np.zeros((2, 3), np.int32), r"\[H, W\] floats, not int32\[2, 3\]"),
        (np.zeros((2, 3, 1), np.float32), r"not float32\[2, 3, 1\]"),
        (np.zeros((0, 3), np.float32), r"not float32\[0, 3\]"),
        (-DEPTH, "from -255.99.* only 0 to 256.00"),
        (DEPTH + 1, "to 256.9"),
        (DEPTH * np.nan, "from nan"),
    ],
)
def test_what_is_no_depth_is_refused(depth, message):
    with pytest.raises(ValueError, match=message):
        encode_depth(depth)


@pytest.mark.parametrize(
    ("data", "depth_format", "message"),
    [
        (b"\x00" * 7, "raw", "depth: the map has 7 bytes; an image of 2 x 3 needs 24"),
        (b"no PNG", "png", "depth: the map is not a readable PNG"),
        (encode_depth(DEPTH.T), "png", "depth: the map is 3 x 2, the image is 2 x 3"),
        (b"", "webp", "depth: map format 'webp' is unknown"),
    ],
)
def test_broken_depth(data, depth_format, message):
    with pytest.raises(ValueError, match=message):
        decode_depth(data, depth_format, 2, 3)
