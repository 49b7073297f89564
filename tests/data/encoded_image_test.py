import io

import numpy as np
import pytest
from PIL import Image

from deeplab.data.encoded_image import encoded_rgb

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def saved(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def pixels_of(encoded):
    with Image.open(io.BytesIO(encoded.data)) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_rgb_files_keep_their_bytes(file_format):
    data = saved(Image.fromarray(PIXELS), file_format)
    encoded = encoded_rgb(data, "a")
    assert encoded == (data, file_format.lower(), 5, 7)


@pytest.mark.parametrize("file_format", ["BMP", "TIFF", "WEBP", "GIF"])
def test_other_formats_become_png(file_format):
    data = saved(Image.fromarray(PIXELS), file_format, lossless=True)
    encoded = encoded_rgb(data, "a")
    assert (encoded.format, encoded.height, encoded.width) == ("png", 5, 7)
    if file_format != "GIF":  # Which has but 256 colours.
        np.testing.assert_array_equal(pixels_of(encoded), PIXELS)


def test_alpha_is_dropped():
    rgba = np.dstack([PIXELS, np.arange(35, dtype=np.uint8).reshape(5, 7)])
    encoded = encoded_rgb(saved(Image.fromarray(rgba), "PNG"), "a")
    np.testing.assert_array_equal(pixels_of(encoded), PIXELS)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_grey_becomes_three_equal_channels(file_format):
    grey = np.full((5, 7), 90, np.uint8)
    encoded = encoded_rgb(saved(Image.fromarray(grey), file_format), "a")
    assert encoded.format == "png"
    assert (pixels_of(encoded) == 90).all()


def test_sixteen_bit_grey_keeps_the_upper_eight():
    grey = np.full((5, 7), 0xABCD, np.uint16)
    encoded = encoded_rgb(saved(Image.fromarray(grey), "PNG"), "a")
    assert (pixels_of(encoded) == 0xAB).all()


def test_palette():
    image = Image.fromarray(np.ones((5, 7), np.uint8), "P")
    image.putpalette([0, 0, 0, 10, 20, 30])
    encoded = encoded_rgb(saved(image, "PNG"), "a")
    assert (pixels_of(encoded) == (10, 20, 30)).all()


def test_cmyk_jpeg():
    image = Image.fromarray(np.full((5, 7, 3), (200, 30, 40), np.uint8))
    encoded = encoded_rgb(saved(image.convert("CMYK"), "JPEG", quality=100), "a")
    assert encoded.format == "png"
    assert np.abs(pixels_of(encoded).astype(int) - (200, 30, 40)).max() < 12


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        saved(Image.fromarray(PIXELS), "PNG")[:60],
        saved(Image.fromarray(np.repeat(PIXELS, 40, 0)), "JPEG")[:-400],
    ],
)
def test_broken_files_are_named(data):
    with pytest.raises(
        ValueError, match=r"street\.png: not an? (readable image|image of a known)"
    ):
        encoded_rgb(data, "street.png")


def test_floats_are_refused():
    data = saved(Image.fromarray(np.zeros((5, 7), np.float32)), "TIFF")
    with pytest.raises(ValueError, match=r"a\.tif: TIFF with 32-bit pixels"):
        encoded_rgb(data, "a.tif")
