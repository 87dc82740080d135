"""Textures: each is decoded once, by a format that is allowed, and handed on only as what was written again.

Two programs may take one file for two different pictures: a small one that passes the limits, and a huge one.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP")
"""Formats that are known by their first bytes, by Pillow's names."""
WITHOUT_MAGIC = {".tga": "TGA"}
"""Formats that are known by the end of the file's name, for lack of anything else."""


def decode(source: Path | bytes, name: str | Path, limits: Limits = USUAL) -> Image.Image | None:
    """The first picture of an image file, or of its content, as RGB or RGBA of 8 bits; None if it cannot be decoded.

    ``name`` stands for it in messages. Rotations in EXIF are not applied, as in other renderers. Raises InputError if
    it has too many bytes or pixels, or if it is no regular file.
    """

    def whole(image: Image.Image) -> Image.Image:
        image.load()
        limits.check_pixels(Path(name), image)  # some decoders learn the size only now
        return _in_8_bits(image)

    return _read(source, name, limits, whole)


def check(source: Path | bytes, name: str | Path, limits: Limits = USUAL) -> bool:
    """Whether ``decode`` knows the format, by the beginning of the file alone; raises InputError as ``decode`` does."""
    return _read(source, name, limits, lambda image: image) is not None


def _read(
    source: Path | bytes, name: str | Path, limits: Limits, use: Callable[[Image.Image], Image.Image]
) -> Image.Image | None:
    if isinstance(source, Path):
        limits.check_image_bytes(source)
    suffix = Path(name).suffix.lower()
    formats = [*FORMATS, *([WITHOUT_MAGIC[suffix]] if suffix in WITHOUT_MAGIC else [])]
    try:
        with Image.open(source if isinstance(source, Path) else BytesIO(source), formats=formats) as image:
            limits.check_pixels(Path(name), image)
            return use(image)
    except Image.DecompressionBombError as bomb:
        raise limits.too_many_pixels(Path(name)) from bomb
    except (InputError, MemoryError):
        raise
    except Exception:  # Pillow raises many kinds of errors for broken files
        return None


def _in_8_bits(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB or RGBA."""
    if image.mode.startswith("I"):  # grayscale of 16 or 32 bits, of which Pillow would cut off what is above 255
        values = np.asarray(image).astype(np.float64) / 257
        image = Image.fromarray(np.round(values.clip(0, 255)).astype(np.uint8))
    elif image.mode == "F":
        values = np.nan_to_num(np.asarray(image, np.float64)).clip(0, 1)
        image = Image.fromarray(np.round(255 * values).astype(np.uint8))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Values in [0, 1] of linear light, encoded as in sRGB."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def to_linear(encoded: np.ndarray) -> np.ndarray:
    """The inverse of ``to_srgb``."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def write(image: Image.Image, file: Path) -> None:
    """Write an image as a PNG without its texts, profiles and other extras."""
    plain = Image.frombytes(image.mode, image.size, image.tobytes())
    plain.save(file, "PNG", compress_level=1)
