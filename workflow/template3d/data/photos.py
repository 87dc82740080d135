"""Photos of objects, made to look like the views that the encoder was trained on: square, the object on white."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

log = logging.getLogger(__name__)

MASK = ".mask.png"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
FORMATS = ("PNG", "JPEG", "WEBP")
"""No other reader of Pillow's is let near a photo."""
FILLED = 0.7
"""Share of the picture's side that the object takes, as in an easy view from the middle distance."""
BORDER = 0.02
"""Width of the border in which a plain background is looked for, as a share of the shorter side."""
SEEN = 0.85
"""Share of the border in which a plain background shows; the object may cover the rest."""
PLAIN = 12
"""Largest difference there, of 255, to a colour that changes smoothly over the picture."""
BACKGROUND = 24
"""Largest difference to that colour of a pixel that belongs to the background."""
ROUNDS = 10
"""How often the border is fitted again, each time without the pixels that fit worst."""
LARGEST = 4096
"""Pixels that the longer side may have before the rest of the square is added: a strip of a photo would need many."""
SMALLEST = 0.002
"""A mask that covers less than this share of the picture is an error."""


class Photo(NamedTuple):
    """A photo as the encoder should see it."""

    image: Image.Image
    """Square, RGB."""
    background: str
    """How the background was found: ``alpha``, ``mask``, ``border``, ``rembg``, or ``kept``, if it was not."""


def listed(folder: Path) -> list[Path]:
    """The photos in a folder, by name, without the masks beside them; none if there is no such folder."""
    found = sorted(folder.glob("*")) if folder.is_dir() else []
    return [file for file in found if file.suffix.lower() in SUFFIXES and not file.name.endswith(MASK)]


def mask_file(file: Path) -> Path:
    """Where the mask of a photo is looked for."""
    return file.with_name(file.stem + MASK)


def product(folder: Path, photo: Path, method: str, methods: Sequence[str], suffix: str) -> Path:
    """Where the workflow keeps what a method made of a photo, by whose name; all methods but the first add theirs."""
    return folder / (photo.stem + (f".{method}" if method != methods[0] else "") + suffix)


def read(file: Path, limits: Limits = USUAL) -> Photo:
    """Read a photo upright, in 8-bit RGB, its object cut out on white, padded to a square, never stretched.

    The background is what alpha says, or a mask beside it (``name.mask.png``, white on the object); else a plain one is
    found by its border; else rembg finds it, if it is installed; else the photo is used as it is, with a warning.
    Raises InputError for a file that is missing, broken, too large, or whose mask shows nothing.
    """
    image = _opened(file, limits)
    mask, background = _mask(file, image, limits)
    if mask is None:
        return Photo(_padded(image.convert("RGB"), 1.0), "kept")
    if (mask > 0.5).mean() < SMALLEST:
        raise InputError(f"{file}: the {background} leaves nothing of the object; correct it, or take it away")
    white = Image.new("RGB", image.size, "white")
    cut = Image.composite(image.convert("RGB"), white, Image.fromarray((255 * mask).astype(np.uint8)))
    rows, columns = (np.flatnonzero((mask > 0.5).any(axis=axis)) for axis in (1, 0))
    return Photo(_padded(cut.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)), FILLED), background)


def _opened(file: Path, limits: Limits) -> Image.Image:
    """The image, upright, as RGB or RGBA of 8 bits."""
    if not file.is_file():
        raise InputError(f"{file}: no such photo")
    limits.check_image(file)
    try:
        with Image.open(file, formats=FORMATS) as opened:
            image = ImageOps.exif_transpose(opened)
            image.load()
    except Exception as error:  # a reader of broken files fails in many ways
        raise InputError(f"{file}: cannot be read as an image ({type(error).__name__}: {error})") from error
    if image.mode.startswith(("I", "F")):  # 16 bits or more, grey
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(values.max(), 1e-9)
        image = Image.fromarray((255 * values / top).clip(0, 255).astype(np.uint8))
    return image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")


def _mask(file: Path, image: Image.Image, limits: Limits) -> tuple[np.ndarray | None, str]:
    """How much (H, W), 0 to 1, each pixel shows the object, and how that was found."""
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A")) / 255
        if alpha.min() < 0.5:
            return alpha, "alpha"
    beside = mask_file(file)
    if beside.exists():
        drawing = _opened(beside, limits).convert("L")
        if drawing.size != image.size:
            raise InputError(f"{beside}: is {drawing.size}, but its photo is {image.size}, width and height")
        return np.asarray(drawing) / 255, "mask"
    colours = np.asarray(image.convert("RGB"), dtype=np.int16)
    mask = plain_background(colours)
    if mask is not None:
        return mask, "border"
    try:
        import rembg
    except ImportError:
        hint = "install rembg, or put a mask beside it (name.mask.png)"
        log.warning("%s: no plain background, alpha or mask: used as it is; %s", file, hint)
        return None, "kept"
    try:
        return np.asarray(rembg.remove(image.convert("RGB"), only_mask=True)) / 255, "rembg"
    except Exception as error:  # it fetches its weights at first use, and fails in many ways
        log.warning("%s: rembg could not find the background (%s): used as it is", file, error)
        return None, "kept"


def plain_background(colours: np.ndarray) -> np.ndarray | None:
    """Where an object stands, (H, W) in {0, 1}, before a background of one colour; None if there is no such one.

    ``colours`` (H, W, 3), int. The colour may change smoothly, as a wall's or a sky's: a quadratic function of place,
    fitted to the border by least squares on those ``SEEN`` of its pixels that fit best (least trimmed squares). The
    background is what has this colour and hangs together with the border.
    """
    height, width = colours.shape[:2]
    wide = max(1, round(BORDER * min(height, width)))
    border = np.ones((height, width), dtype=bool)
    border[wide:-wide, wide:-wide] = False
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
    rows, columns = np.nonzero(border)
    terms, seen = _quadratic(x[columns], y[rows]), colours[border]
    fitting = np.ones(len(seen), dtype=bool)
    for _ in range(ROUNDS):
        factors, *_ = np.linalg.lstsq(terms[fitting], seen[fitting], rcond=None)
        off = np.abs(seen - terms @ factors).max(axis=1)
        worst = np.quantile(off, SEEN)
        fitting = off <= worst
    if worst > PLAIN:
        return None
    lines = zip(colours, y, strict=True)
    apart = np.stack([np.abs(line - _quadratic(x, place) @ factors).max(axis=1) for line, place in lines])
    regions, _ = ndimage.label(apart <= BACKGROUND)
    touching = np.setdiff1d(np.unique(regions[border]), [0])
    return ndimage.binary_opening(~np.isin(regions, touching)).astype(float)


def _quadratic(x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
    """The terms (N, 6) of a quadratic function at places x (N,) and y."""
    return np.stack(np.broadcast_arrays(1.0, x, y, x * y, x**2, y**2), axis=-1)


def _padded(image: Image.Image, filled: float) -> Image.Image:
    """An image in the middle of a white square, of whose side its longer side takes the share ``filled``."""
    if max(image.size) > LARGEST:
        image = ImageOps.contain(image, (LARGEST, LARGEST))
    side = round(max(image.size) / filled)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
