"""A cut-out as a drawing: the photo under a white veil over its background, to paint on and to erase.

White paint counts as background, and what is erased counts as the object. A blue line from corner to corner keeps only
the box around it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from template3d.data.photos import CutOut
from template3d.runtime.errors import InputError

LARGEST = 1024
"""Pixels of the longer side of a drawing, several times those of an encoder's images."""
PAINT, LINE = "#ffffff", "#0000ff"
"""The colours of the brush."""
VEIL = 204
"""The opacity, of 255, of the veil: the background shows through a little, so that it can be brought back."""


def shrunk(cut: CutOut) -> CutOut:
    """A cut-out of at most ``LARGEST`` pixels a side, to be drawn and sent quickly."""
    factor = LARGEST / max(cut.image.size)
    if factor >= 1:
        return cut
    size = (max(1, round(cut.image.width * factor)), max(1, round(cut.image.height * factor)))
    shares = None
    if cut.shares is not None:
        small = Image.fromarray((255 * cut.shares).astype(np.uint8)).resize(size, Image.Resampling.BOX)
        shares = np.asarray(small) / 255
    return CutOut(cut.image.resize(size, Image.Resampling.LANCZOS), shares, cut.background)


def of_cut_out(cut: CutOut) -> dict[str, Any]:
    """The value of an image editor: the photo, and one layer with the veil."""
    veil = np.full((cut.image.height, cut.image.width, 4), 255, np.uint8)
    shares = np.ones(veil.shape[:2]) if cut.shares is None else cut.shares
    veil[..., 3] = VEIL * (1 - shares)
    return {"background": cut.image.convert("RGB"), "layers": [Image.fromarray(veil)], "composite": None}


def to_cut_out(drawing: Mapping[str, Any] | None, before: CutOut | None) -> CutOut:
    """The cut-out that a drawing shows; ``before`` is the one that it was made from.

    Raises InputError if there is no drawing.
    """
    if drawing is None or drawing["background"] is None or before is None:
        raise InputError("there is no cut-out yet; add a photo first")
    photo = drawing["background"].convert("RGB")
    shares = np.ones((photo.height, photo.width))
    kept = np.ones_like(shares) if before.shares is None else before.shares
    for layer in drawing["layers"]:
        red, _, blue, opacity = np.moveaxis(np.asarray(layer.convert("RGBA"), np.int16), -1, 0)
        is_line = (opacity > 127) & (blue - red > 127)
        shares = np.minimum(shares, np.where(is_line, kept, 1 - np.minimum(opacity / VEIL, 1)))
        if is_line.any():
            shares = shares * _box(is_line)
    return CutOut(photo, shares, "drawing")


def _box(line: np.ndarray) -> np.ndarray:
    """The mask (H, W) in {0, 1} of the box around the pixels of a line (H, W), bool."""
    rows, columns = (np.flatnonzero(line.any(axis=axis)) for axis in (1, 0))
    box = np.zeros(line.shape)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
    return box
