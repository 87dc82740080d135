"""Contact sheets: images that show at a glance whether the data are right."""

import math
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import trimesh
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from template3d.data import archives, ground_truth, samples
from template3d.data import views as view_files
from template3d.geometry.normalization import Normalization
from template3d.rendering import protocols
from template3d.report.style import STYLE
from template3d.runtime import npz
from template3d.runtime.files import whole

THUMBNAIL = 64
COLUMNS = 25
"""The most thumbnails in a row."""
LABEL = 14
SLAB = 0.02
"""Half the thickness of a slice, in the unit sphere."""


def views(file: Path, shards: Sequence[Path], category: str, shapes: Sequence[str]) -> None:
    """Write a PNG of all views of some shapes, a block of thumbnails for each shape and kind of views.

    ``shards`` are the archives of all kinds of views. Raises InputError for a damaged archive.
    """
    blocks = []
    for shape in shapes:
        for kind in protocols.KINDS:
            images = [_thumbnail(content) for _, content in _members(shards, f"{category}/{shape}/{kind}/image_rgb/")]
            blocks.append((f"{shape}, {kind}: {len(images)} views", images))
    columns = min(COLUMNS, max((len(images) for _, images in blocks), default=1))
    rows = [-(-max(len(images), 1) // columns) for _, images in blocks]
    font = ImageFont.load_default()
    width = max(columns * THUMBNAIL, *(math.ceil(font.getlength(label)) + 4 for label, _ in blocks))
    sheet = Image.new("RGB", (width, LABEL * len(blocks) + THUMBNAIL * sum(rows)), "white")
    pen, top = ImageDraw.Draw(sheet), 0
    for (label, images), height in zip(blocks, rows, strict=True):
        pen.text((2, top + 1), label, fill="black", font=font)
        for index, image in enumerate(images):
            sheet.paste(image, (index % columns * THUMBNAIL, top + LABEL + index // columns * THUMBNAIL))
        top += LABEL + height * THUMBNAIL
    with whole(file) as beside:
        sheet.save(beside, format="PNG")


def distances(
    file: Path, sample_shards: Sequence[Path], surface_shards: Sequence[Path], synset: str, shapes: Sequence[str]
) -> None:
    """Write a PNG with three slices through each shape: the samples by sign, their zero line, the surface points.

    Raises InputError for a damaged archive.
    """
    with matplotlib.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(10, 3.4 * max(len(shapes), 1)), layout="constrained")
        panels = figure.subplots(max(len(shapes), 1), 3, squeeze=False)
        for line, shape in zip(panels, shapes, strict=False):
            points, signed, dropped = _samples(sample_shards, synset, shape)
            surface = _surface(surface_shards, synset, shape)
            for axis, panel in enumerate(line):
                _slice(panel, axis, points, signed, surface)
                panel.set_title(f"{shape[:8]}: {'xyz'[axis]} = 0", fontsize=8)
            line[1].set_title(f"{line[1].get_title()} ({dropped:,} of {len(points) + dropped:,} dropped)", fontsize=8)
        figure.suptitle("Slices in the unit sphere: inside red, outside blue, zero line black, surface points green")
        with whole(file) as beside:
            figure.savefig(beside, format="png", dpi=100)


def _slice(panel: Axes, axis: int, points: np.ndarray, signed: np.ndarray, surface: np.ndarray) -> None:
    across, up = [(2, 1), (0, 2), (0, 1)][axis]
    near = np.abs(points[:, axis]) < SLAB
    x, y, value = points[near, across], points[near, up], signed[near]
    panel.scatter(x, y, c=np.clip(value, -0.1, 0.1), cmap="coolwarm_r", vmin=-0.1, vmax=0.1, s=2, linewidths=0)
    if len(value) > 3 and value.min() < 0 < value.max():
        panel.tricontour(x, y, value, levels=[0], colors="black", linewidths=0.6)
    on = np.abs(surface[:, axis]) < SLAB
    panel.plot(surface[on, across], surface[on, up], ".", color="green", markersize=1.2)
    panel.set(aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="xyz"[across], ylabel="xyz"[up])


def _members(shards: Iterable[Path], start: str) -> list[tuple[str, bytes]]:
    """Names and contents of members whose name begins with ``start``, from the first archive that has any."""
    for shard in shards:
        if members := sorted(name for name in archives.names(shard) if name.startswith(start)):
            return [(name, archives.read(shard, name)) for name in members]
    return []


def _thumbnail(content: bytes) -> Image.Image:
    return view_files.decode(content).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)


def _samples(shards: Iterable[Path], synset: str, shape: str) -> tuple[np.ndarray, np.ndarray, int]:
    """The points (N, 3) and distances (N,) of a shape, and how many contradicting samples were left out."""
    rows, dropped = [np.empty((0, 4), np.float32)], 0
    for name, content in _members(shards, samples.member_name(synset, shape)):
        arrays = npz.arrays(content, name)
        rows += [arrays[side] for side in samples.SIDES]
        dropped += int(arrays["dropped"])
    table = np.concatenate(rows)
    return table[:, :3], table[:, 3], dropped


def _surface(shards: Sequence[Path], synset: str, shape: str) -> np.ndarray:
    """The surface points of a shape, in the unit sphere."""
    normalizations = [
        Normalization.from_bytes(c) for _, c in _members(shards, ground_truth.normalization_name(synset, shape))
    ]
    clouds: list[Any] = [
        trimesh.load(BytesIO(content), file_type="ply", process=False)
        for _, content in _members(shards, ground_truth.member_name(synset, shape))
    ]
    points = [
        normalization.to_unit(np.asarray(cloud.vertices))
        for normalization, cloud in zip(normalizations, clouds, strict=True)
    ]
    return np.concatenate([np.empty((0, 3)), *points])
