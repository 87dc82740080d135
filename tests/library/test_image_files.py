"""Textures are decoded once, by a known format: files of two kinds, wrong headers, other formats under their names."""

import io
import os
import struct
import zlib

import numpy as np
import OpenEXR
import pytest
from PIL import Image
from renders import BACK
from template3d.data import prepared_meshes, textures
from template3d.data.materials import Material, Materials, Texture
from template3d.rendering.blender import Studio
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits
from test_textures import SQUARE

RAMP = np.stack([*np.mgrid[:64, :64], np.full((64, 64), 30)], axis=-1) * [3, 3, 1]
COLOURS = Image.fromarray(RAMP.astype(np.uint8))
GREY = COLOURS.convert("L")
HALF = Image.fromarray(np.where(np.mgrid[:64, :64][0] < 32, 255, 128).astype(np.uint8))
HUGE = 60_000


def encoded(image, kind="PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind, content) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, rows, depth=8, kind=2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def transparent(image) -> Image.Image:
    image = image.copy()
    image.putalpha(HALF)
    return image


def turned() -> bytes:
    """A JPEG whose EXIF says that it lies on its side."""
    exif = Image.Exif()
    exif[0x112] = 6
    return encoded(COLOURS, "JPEG", exif=exif, quality=95)


SIXTEEN = np.pad(RAMP.astype(">u2") * 257 + 99, ((0, 0), (0, 0), (0, 0))).reshape(64, -1)
GOOD = {
    "RGB.png": encoded(COLOURS),
    "RGBA.png": encoded(transparent(COLOURS)),
    "palette.png": encoded(COLOURS.quantize(64)),
    "palette with alpha.png": encoded(COLOURS.quantize(64), transparency=3),
    "one transparent colour.png": encoded(COLOURS, transparency=(3, 3, 30)),
    "grey.png": encoded(GREY),
    "bits.png": encoded(GREY.convert("1")),
    "16 bits.png": png(64, 64, b"".join(b"\0" + row.tobytes() for row in SIXTEEN), 16),
    "grey of 16 bits.png": encoded(Image.fromarray((RAMP[..., 0] * 300).astype(np.uint16))),
    "RGB.jpg": encoded(COLOURS, "JPEG", quality=95),
    "grey.jpg": encoded(GREY, "JPEG", quality=95),
    "CMYK.jpg": encoded(COLOURS.convert("CMYK"), "JPEG", quality=95),
    "turned.jpg": turned(),
    "RGB.bmp": encoded(COLOURS, "BMP"),
    "palette.bmp": encoded(COLOURS.quantize(64), "BMP"),
    "RGBA.tif": encoded(transparent(COLOURS), "TIFF", compression="tiff_lzw"),
    "floats.tif": encoded(Image.fromarray((RAMP[..., 0] / 192).astype(np.float32)), "TIFF"),
    "RGBA.tga": encoded(transparent(COLOURS), "TGA"),
    "a PNG.tga": encoded(COLOURS),
}


def view(studio, folder, file, monkeypatch=None) -> np.ndarray:
    """A view of a square with a texture; with ``monkeypatch``, Blender opens the texture's own file."""
    (folder / "square.obj").write_text(SQUARE)
    if monkeypatch:
        monkeypatch.setattr(textures, "write", lambda image, written: written.symlink_to(file))
    shown = Material(texture=Texture(file))
    shape = prepared_meshes.read_file(folder / "square.obj")
    assert studio.show_prepared(shape, Materials({"front": shown, "back": shown}, [], [])) == []
    studio.render(BACK, folder / "view.png")
    with Image.open(folder / "view.png") as image:
        return np.array(image).astype(int)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_texture_looks_as_blender_itself_shows_it(tmp_path, monkeypatch, name):
    file = tmp_path / name
    file.write_bytes(GOOD[name])
    studio = Studio(64, samples=1)
    ours = view(studio, tmp_path, file)
    blenders = view(studio, tmp_path, file, monkeypatch)
    assert np.abs(ours - blenders).mean() < 0.2
    assert np.abs(ours - blenders).max() <= 3
    assert ((ours < 250).any(axis=2)).sum() > 300
    assert np.ptp(ours[24:40, 24:40]) > 30  # not one colour


def test_a_texture_with_brightness_and_alpha_is_not_brighter_than_it_says(tmp_path):
    grey = GREY.convert("LA")
    grey.putalpha(HALF)
    assert textures.decode(encoded(grey), "a.png").mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(textures.decode(encoded(grey), "a.png"))[..., 0], np.asarray(GREY))


def second_header() -> bytes:
    """A PNG with another header, far larger, before its pixels."""
    content = encoded(COLOURS)
    return content[:33] + chunk(b"IHDR", struct.pack(">IIBBBBB", HUGE, HUGE, 8, 2, 0, 0, 0)) + content[33:]


def second_frame(kind) -> bytes:
    """Two pictures in one file, of which the second is far larger."""
    return encoded(COLOURS, kind, save_all=True, append_images=[COLOURS.resize((900, 900))])


def two_frame_headers() -> bytes:
    """A JPEG with a second frame header, far larger."""
    content = encoded(COLOURS, "JPEG")
    start = content.index(b"\xff\xc0")
    size = 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    header = bytearray(content[start : start + size])
    header[5:9] = struct.pack(">HH", HUGE, HUGE)
    return content[: start + size] + bytes(header) + content[start + size :]


def bmp(width, height) -> bytes:
    """A BMP of 64 x 64 pixels that claims another size."""
    content = bytearray(encoded(COLOURS, "BMP"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


def exr() -> bytes:
    return b"\x76\x2f\x31\x01" + bytes(1000)


TGA_FOOTER = bytes(8) + b"TRUEVISION-XFILE.\0"
SMALL = Limits(image_megapixels=0.01)


@pytest.mark.parametrize(
    "content",
    [
        encoded(COLOURS) + encoded(COLOURS.resize((900, 900)), "TGA")[:-26] + TGA_FOOTER,
        encoded(COLOURS) + encoded(COLOURS.resize((900, 900)), "JPEG"),
        encoded(COLOURS, "JPEG", quality=95) + encoded(COLOURS.resize((900, 900))),
        second_frame("GIF"),
        second_frame("TIFF"),
    ],
    ids=["PNG and TGA", "PNG and JPEG", "JPEG and PNG", "GIF", "TIFF"],
)
@pytest.mark.parametrize("suffix", ["png", "tga"])
def test_of_several_pictures_in_a_file_the_first_is_decoded_and_handed_on_alone(tmp_path, content, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(content)
    image = textures.decode(tmp_path / f"a.{suffix}", tmp_path / f"a.{suffix}", SMALL)
    assert image.size == (64, 64)
    assert np.abs(np.asarray(image.convert("RGB"), int) - RAMP).mean() < 8  # a GIF has few colours
    textures.write(image, tmp_path / "written.png")
    written = (tmp_path / "written.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    assert written.count(b"IHDR") == 1
    assert written.endswith(chunk(b"IEND", b""))
    assert b"acTL" not in written


@pytest.mark.parametrize(
    "content",
    [second_header(), two_frame_headers(), bmp(HUGE, HUGE), bmp(HUGE, -HUGE), png(HUGE, HUGE, bytes(99))],
    ids=["PNG with two headers", "JPEG with two headers", "BMP", "BMP upside down", "PNG"],
)
def test_a_file_that_claims_a_huge_picture_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    reason = r"a\.png: has .* pixels, more than limits\.image_megapixels \(100\) allows; scale it"
    with pytest.raises(InputError, match=reason):
        textures.decode(tmp_path / "a.png", tmp_path / "a.png")


@pytest.mark.parametrize(
    "content",
    [
        exr(),
        b"8BPS\0\1" + bytes(1000),
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 4\n" + bytes(64),
        encoded(COLOURS, "JPEG2000"),
        encoded(COLOURS, "ICO"),
        encoded(COLOURS, "PPM"),
        encoded(COLOURS, "TGA"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        bmp(64, 9000),
        encoded(COLOURS)[:90],
        b"",
    ],
    ids=["EXR", "PSD", "HDR", "JPEG 2000", "ICO", "PPM", "TGA", "EPS", "BMP", "cut", "empty"],
)
def test_other_formats_and_damaged_files_are_not_decoded_whatever_their_name(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    assert textures.decode(tmp_path / "a.png", tmp_path / "a.png") is None
    shown = Material(texture=Texture(tmp_path / "a.png"))
    (tmp_path / "square.obj").write_text(SQUARE)
    shape = prepared_meshes.read_file(tmp_path / "square.obj")
    warnings = Studio(8, samples=1).show_prepared(shape, Materials({"front": shown, "back": shown}, [], []))
    assert warnings == [f"{tmp_path}/a.png: this texture cannot be read; the material is shown without it"]


def test_an_exr_file_by_another_name_is_not_decoded(tmp_path):
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": np.ones((8, 8, 3), np.float32)}).write(f"{tmp_path}/a.exr")
    (tmp_path / "a.exr").rename(tmp_path / "a.png")
    assert textures.decode(tmp_path / "a.png", tmp_path / "a.png") is None


def test_a_texture_that_is_no_regular_file_is_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "wood.png").mkdir()
    for name, reason in {
        "pipe.png": "is a named pipe",
        "device.png": "is a device",
        "loop.png": "is a link that leads nowhere",
        "wood.png": "is a folder",
        "gone.png": "No such file",
    }.items():
        with pytest.raises(InputError, match=f"{name}: {reason}"):
            textures.decode(tmp_path / name, name)


def test_the_texture_of_an_earlier_shape_is_not_shown_again(tmp_path):
    studio = Studio(64, samples=1)
    for colour, channel in (("red", 0), ("lime", 1), ("blue", 2)):
        Image.new("RGB", (64, 64), colour).save(tmp_path / "a.png")
        image = view(studio, tmp_path, tmp_path / "a.png")
        assert image[32, 32].argmax() == channel
