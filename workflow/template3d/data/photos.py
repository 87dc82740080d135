"""Photos of objects, prepared to look like the training views: square, the object on a white background."""

import logging
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from template3d.runtime.errors import InputError
from template3d.runtime.files import check_regular
from template3d.runtime.limits import USUAL, Limits

log = logging.getLogger(__name__)

MASK = re.compile(r"(?P<photo>.+)[._-]mask", re.IGNORECASE)
"""The name of a mask, without its ending: that of its photo, with or without the photo's own ending, and ``mask``."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
"""The only formats that Pillow may try for a photo."""
FORMULAS = ("=", "+", "-", "@", "'")
"""What a text in a table may not begin with: a spreadsheet takes it for a formula, or hides the quote."""
FILLED = 0.7
"""Share of the image's side that the object fills, as in an easy view from a medium distance."""
BORDER = 0.02
"""Width of the border that is tested for a plain background, as a share of the shorter side."""
SEEN = 0.85
"""Share of the border that must show the background; the object may cover the rest."""
PLAIN = 12
"""Largest difference, of 255, between a plain background and the fitted colour within that share."""
BACKGROUND = 24
"""Largest difference, of 255, between a background pixel and the fitted colour."""
ROUNDS = 10
"""Rounds in which the colour is fitted to the border, each without the pixels that fit worst."""
LARGEST = 4096
"""Most pixels of the longer side before padding to a square, because a narrow strip would need much memory."""
SMALLEST = 0.002
"""A mask that covers a smaller share of the image is an error."""
TRANSPARENT, TRANSPARENT_BORDER = 0.1, 0.3
"""Shares of image and border: if so much is transparent, alpha cuts out an object. Round corners have less."""
STRETCHED = 0.02
"""The largest relative difference between the proportions of a photo and of its mask."""


class Photo(NamedTuple):
    """A photo, prepared for the encoder."""

    image: Image.Image
    """Square, RGB."""
    background: str
    """How the background was found: ``mask``, ``mask, scaled``, ``alpha``, ``border`` or ``rembg``; else ``kept``."""


class CutOut(NamedTuple):
    """A photo of any proportions, upright, and where its object is."""

    image: Image.Image
    """RGB or RGBA of 8 bits."""
    shares: np.ndarray | None
    """The share (H, W), 0 to 1, of the object in each pixel; None if it was not found."""
    background: str
    """As of ``Photo``."""


def listed(folder: Path) -> list[Path]:
    """All that a folder of photos holds, sorted by name, without the masks of its photos; empty if there is none.

    What is no image is listed, too, so that it is reported; only hidden files of other programs are left out.
    """
    entries = sorted(folder.glob("*")) if folder.is_dir() else []
    entries = [file for file in entries if file.suffix.lower() in SUFFIXES or not file.name.startswith(".")]
    theirs = set(masks(entries))
    return [file for file in entries if file not in theirs]


def masks(photo_files: Iterable[Path]) -> list[Path]:
    """The masks beside photos, sorted: ``a.mask.png``, ``a_mask.PNG`` and ``a.jpg.mask.png`` are masks of ``a.jpg``."""
    of_folder: dict[Path, set[str]] = {}
    for photo in photo_files:
        if photo.suffix.lower() in SUFFIXES:
            of_folder.setdefault(photo.parent, set()).update((photo.stem, photo.name))
    theirs = []
    for folder, names in of_folder.items():
        for file in folder.glob("*") if folder.is_dir() else ():
            named = MASK.fullmatch(file.stem) if file.suffix.lower() in SUFFIXES else None
            if named and named["photo"] in names:
                theirs.append(file)
    return sorted(theirs)


def misplaced(folder: Path, categories: Iterable[str]) -> list[str]:
    """A sentence for each entry of the photos folder that is no category, so that its photos are not used."""
    known = ", ".join(categories)
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    strangers = [entry for entry in entries if entry.name not in categories and not entry.name.startswith(".")]
    return [
        f"{printable(str(entry))}: not used, because it is no category of this run; photos go into "
        f"{printable(str(folder))}/<category>/, with one of: {known}"
        for entry in strangers
    ]


def product(folder: Path, photo: Path, method: str, methods: Sequence[str], suffix: str) -> Path:
    """The path of a method's result for a photo. All methods but the first have a folder of their own.

    So the results of two photos have different paths, whatever the photos are called.
    """
    return (folder if method == methods[0] else folder / method) / (photo.stem + suffix)


def printable(text: str) -> str:
    """A file name, or a text that holds one, with escapes for what cannot be printed or is no UTF-8."""
    readable = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in readable)


def cell(text: str) -> str:
    """A printable text in a cell of a table; a quote before it stops a spreadsheet from computing it as a formula.

    Texts that begin with a quote have one more, so that different names stay different.
    """
    shown = printable(text)
    return f"'{shown}" if shown.startswith(FORMULAS) else shown


def read(file: Path, limits: Limits = USUAL, mask: Path | None = None) -> Photo:
    """Read a photo upright, in 8-bit RGB, with its object cut out on white and padded to a square without stretching.

    The first of these that applies gives the background: ``mask``, an image that is white on the object, or the one
    beside the photo (``masks``); the alpha channel; a plain background, detected at the border; rembg, if it is
    installed. Otherwise the photo is used as it is, with a warning. Raises InputError for a file that is missing,
    broken or too large, or whose mask covers almost nothing.
    """
    return prepared(cut_out(file, limits, mask), str(file))


def cut_out(file: Path, limits: Limits = USUAL, mask: Path | None = None) -> CutOut:
    """Find the object on a photo, as ``read`` does; raises InputError as it does, but not for an empty mask."""
    image = opened(file, limits)
    return CutOut(image, *_mask(file, image, limits, mask))


def prepared(photo: CutOut, name: str) -> Photo:
    """Centre a cut-out on a white square; raises InputError, about ``name``, if its mask covers almost nothing."""
    shares, background = photo.shares, photo.background
    if shares is None:
        return Photo(_padded(photo.image.convert("RGB"), 1.0), background)
    if (shares > 0.5).mean() < SMALLEST:
        raise InputError(f"{name}: the {background} leaves nothing of the object; correct or delete it")
    white = Image.new("RGB", photo.image.size, "white")
    cut = Image.composite(photo.image.convert("RGB"), white, Image.fromarray((255 * shares).astype(np.uint8)))
    rows, columns = (np.flatnonzero((shares > 0.5).any(axis=axis)) for axis in (1, 0))
    return Photo(_padded(cut.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)), FILLED), background)


def opened(file: Path, limits: Limits, what: str = "photo") -> Image.Image:
    """The image, upright, as RGB or RGBA of 8 bits; an error calls it ``what``."""
    if not os.path.lexists(file):
        raise InputError(f"{file}: no such {what}")
    check_regular(file)
    limits.check_image(file)
    try:
        with Image.open(file, formats=FORMATS) as stored:
            image = ImageOps.exif_transpose(stored)
            image.load()
    except Exception as error:  # Pillow raises many kinds of errors for broken files
        raise InputError(
            f"{file}: cannot be read as an image ({type(error).__name__}: {error}); if it is not complete, copy it "
            "again, else save it as JPEG, PNG or WebP"
        ) from error
    if image.mode.startswith(("I", "F")):  # grayscale of 16 bits or more
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(values.max(), 1e-9)
        image = Image.fromarray((255 * values / top).clip(0, 255).astype(np.uint8))
    return image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")


def _mask(file: Path, image: Image.Image, limits: Limits, given: Path | None) -> tuple[np.ndarray | None, str]:
    """The share (H, W), 0 to 1, of the object in each pixel, and how it was found; None if it was not."""
    drawn = [given] if given else masks([file])
    if len(drawn) > 1:
        raise InputError(f"{file}: has several masks, {' and '.join(mask.name for mask in drawn)}; keep one")
    if drawn:
        return _drawn_mask(drawn[0], image, limits)
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A")) / 255
        if _cuts_out(alpha):
            return alpha, "alpha"
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
    except Exception as error:  # rembg downloads its weights at first use and may fail in many ways
        hint = "put a mask beside it (name.mask.png), or see docs/app.md for rembg's weights"
        log.warning("%s: rembg could not find the background (%s): used as it is; %s", file, error, hint)
        return None, "kept"


def _drawn_mask(file: Path, image: Image.Image, limits: Limits) -> tuple[np.ndarray, str]:
    """The share (H, W) of the object in each pixel of ``image`` by the mask in a file, scaled to it if need be."""
    drawing = opened(file, limits, "mask").convert("L")
    if drawing.size == image.size:
        return np.asarray(drawing) / 255, "mask"
    stretched = (drawing.width * image.height) / (drawing.height * image.width)
    if abs(stretched - 1) > STRETCHED:
        raise InputError(
            f"{file}: is {drawing.size}, but its photo is {image.size}, width and height; a mask of other proportions "
            "does not fit"
        )
    log.info("%s: scaled to the size of its photo", file)
    return np.asarray(drawing.resize(image.size, Image.Resampling.BILINEAR)) / 255, "mask, scaled"


def _cuts_out(alpha: np.ndarray) -> bool:
    """Whether an alpha channel (H, W), 0 to 1, cuts out an object, and not only rounds corners or spoils a pixel."""
    transparent = alpha < 0.5
    border = np.concatenate([transparent[0], transparent[-1], transparent[:, 0], transparent[:, -1]])
    return bool(transparent.mean() >= TRANSPARENT or border.mean() >= TRANSPARENT_BORDER)


def plain_background(colours: np.ndarray) -> np.ndarray | None:
    """The mask (H, W) in {0, 1} of an object before a plain background; None if the background is not plain.

    ``colours`` (H, W, 3), int. The background's colour may change smoothly, like that of a wall or the sky. It is a
    quadratic function of the pixel's position, fitted to the border by least trimmed squares: least squares on the
    share ``SEEN`` of the pixels that fit best. The background is every region of this colour that touches the border.
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
    pixel_rows = zip(colours, y, strict=True)
    apart = np.stack([np.abs(row - _quadratic(x, row_y) @ factors).max(axis=1) for row, row_y in pixel_rows])
    from scipy import ndimage  # slow to import; Snakemake imports this module at every start

    regions, _ = ndimage.label(apart <= BACKGROUND)
    touching = np.setdiff1d(np.unique(regions[border]), [0])
    return ndimage.binary_opening(~np.isin(regions, touching)).astype(float)


def _quadratic(x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
    """The terms (N, 6) of a quadratic function at positions x (N,) and y."""
    return np.stack(np.broadcast_arrays(1.0, x, y, x * y, x**2, y**2), axis=-1)


def _padded(image: Image.Image, filled: float) -> Image.Image:
    """An image centred in a white square; its longer side fills the share ``filled`` of the square's side."""
    if max(image.size) > LARGEST:
        image = ImageOps.contain(image, (LARGEST, LARGEST))
    side = round(max(image.size) / filled)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
