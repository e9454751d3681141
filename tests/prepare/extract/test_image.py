from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from gzslbench.errors import ExtractionError
from gzslbench.plugins import Preparation
from gzslbench.prepare.extract import image as image_module
from gzslbench.prepare.extract.image import preprocess, read_image

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(256, size=(6, 9, 3), dtype=np.uint8)


def kept(tmp_path, picture, name="picture.png", **options):
    file = tmp_path / name
    picture.save(file, **options)
    return file


def test_an_rgb_image_keeps_its_pixels(tmp_path):
    found = read_image(kept(tmp_path, Image.fromarray(PIXELS)))
    assert found.mode == "RGB" and np.array_equal(np.asarray(found), PIXELS)


def test_grey_and_sixteen_bit_pictures_have_three_equal_colours_of_eight_bits(tmp_path):
    grey = PIXELS[..., 0]
    for values, mode in ((grey, "L"), (grey.astype(np.uint16) * 257, "I;16")):
        picture = Image.frombytes(mode, (9, 6), np.ascontiguousarray(values).tobytes())
        found = np.asarray(read_image(kept(tmp_path, picture)))
        assert np.array_equal(found, np.stack([grey] * 3, axis=-1)), mode


def test_palettes_are_looked_up_and_transparent_places_are_white(tmp_path):
    palette = Image.fromarray(PIXELS).quantize(256)
    found = np.asarray(read_image(kept(tmp_path, palette)))
    assert np.array_equal(found, np.asarray(palette.convert("RGB")))
    clear = np.dstack([PIXELS, np.zeros((6, 9), np.uint8)])
    clear[0, 0, 3] = 255
    found = np.asarray(read_image(kept(tmp_path, Image.fromarray(clear, "RGBA"))))
    assert np.array_equal(found[0, 0], PIXELS[0, 0]) and (found[1:] == 255).all()


def test_cmyk_becomes_rgb(tmp_path):
    picture = Image.fromarray(PIXELS).convert("CMYK")
    found = np.asarray(read_image(kept(tmp_path, picture, "picture.tif")))
    assert np.array_equal(found, PIXELS)


def test_an_image_with_an_exif_orientation_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right of the picture
    found = np.asarray(read_image(kept(tmp_path, Image.fromarray(PIXELS), exif=exif)))
    assert np.array_equal(found, np.rot90(PIXELS, -1))


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("name", ["picture.png", "picture.tif", "picture.webp"])
def test_every_exif_orientation_is_turned_as_pillow_turns_it(tmp_path, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = kept(tmp_path, Image.fromarray(PIXELS), name, exif=exif)
    with Image.open(file) as opened:
        expected = ImageOps.exif_transpose(opened).convert("RGB")
    assert np.array_equal(np.asarray(read_image(file)), np.asarray(expected))


def jpeg_with(tags: bytes) -> bytes:
    """Return a JPEG file whose EXIF data are these entries of 12 bytes."""
    plain = io.BytesIO()
    Image.fromarray(PIXELS).save(plain, "JPEG")
    count = struct.pack(">H", len(tags) // 12)
    data = b"Exif\0\0MM\0*\0\0\0\x08" + count + tags + bytes(4)
    return plain.getvalue()[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + plain.getvalue()[2:]


SIDEWAYS = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)


@pytest.mark.parametrize(
    ("tags", "turns"),
    [
        (SIDEWAYS, 1),
        (SIDEWAYS + struct.pack(">HHI4s", 0x011A, 2, 1, b"abc"), 1),  # a word where a number belongs
        (SIDEWAYS + struct.pack(">HHI4s", 0x010E, 11, 1, b"abc"), 1),  # a number where words belong
        (SIDEWAYS + struct.pack(">HHIf", 0x011A, 11, 1, float("nan")), 1),
        (SIDEWAYS + struct.pack(">HHI4s", 0xA005, 1, 1, b"abc"), 1),
        (SIDEWAYS + struct.pack(">HHII", 0x011A, 5, 9, 0x7FFFFFFF), 1),  # a place beyond the end
        (struct.pack(">HHII", 0x0112, 2, 4, 0x61626300), 0),
        (struct.pack(">HHII", 0x0112, 5, 1, 0x7FFFFFFF), 0),
    ],
)
def test_damaged_exif_data_do_not_change_pixels(tmp_path, tags, turns):
    file, plain = tmp_path / "picture.jpg", tmp_path / "plain.jpg"
    file.write_bytes(jpeg_with(tags))
    plain.write_bytes(jpeg_with(b""))
    expected = np.rot90(np.asarray(read_image(plain)), -turns)
    assert np.array_equal(np.asarray(read_image(file)), expected)


@pytest.mark.parametrize("error", [TypeError, struct.error, KeyError, AttributeError])
def test_any_error_of_pillow_names_the_image(tmp_path, monkeypatch, error):
    def stumble(picture):
        raise error("stumbled")

    file = kept(tmp_path, Image.fromarray(PIXELS))
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", stumble)
    with pytest.raises(ExtractionError, match=r"the image is damaged: .*stumbled(.|\n)*picture\.png"):
        read_image(file)


@pytest.mark.parametrize("damage", ["no picture", "cut", "empty", "folder", "missing"])
def test_what_cannot_be_read_is_an_error_that_names_the_file(tmp_path, damage):
    content = io.BytesIO()
    Image.fromarray(RANDOM.integers(256, size=(64, 64, 3), dtype=np.uint8)).save(content, "JPEG")
    bytes_of = {"no picture": b"GIF, or so it says", "cut": content.getvalue()[:1500], "empty": b""}
    file = tmp_path / "picture.jpg"
    if damage in bytes_of:
        file.write_bytes(bytes_of[damage])
    elif damage == "folder":
        file.mkdir()
    with pytest.raises(ExtractionError) as caught:
        read_image(file)
    assert "picture.jpg" in str(caught.value) and caught.value.fix


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path, monkeypatch):
    file = kept(tmp_path, Image.new("RGB", (100, 80)))
    monkeypatch.setattr(image_module, "MAX_PIXELS", 7999)
    with pytest.raises(ExtractionError, match="100 x 80 pixels"):
        read_image(file)


def test_a_box_is_cut_out_and_limited_to_the_image(tmp_path):
    file = kept(tmp_path, Image.fromarray(PIXELS))
    assert np.array_equal(np.asarray(read_image(file, (2, 1, 7, 5))), PIXELS[1:5, 2:7])
    assert np.array_equal(np.asarray(read_image(file, (-3, -1, 90, 4))), PIXELS[:4])
    with pytest.raises(ExtractionError, match=r"box \(9, 0, 12, 6\).*9 x 6"):
        read_image(file, (9, 0, 12, 6))


def test_an_image_that_grows_beyond_the_limit_is_not_resized():
    with pytest.raises(ExtractionError, match="1 x 20000 pixels becomes 256 x 5120000"):
        preprocess(Image.new("RGB", (1, 20000)), Preparation())
