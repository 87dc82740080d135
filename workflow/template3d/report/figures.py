"""Figures: images in rows and columns, curves and point clouds, each as PNG and as vector PDF."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from template3d.report.style import DASHES, MARKERS, STYLE
from template3d.report.trimming import trimmed
from template3d.runtime.files import whole

LEAST = 1e-5
"""Curves are cut off below this share of a panel's largest loss."""
SIDE, LABELS, TITLES = 1.6, 0.25, 0.25
"""The longer side of an image, and the space left of a row and above a column, in inches."""
POINTS_PER_INCH, LETTER_WIDTH = 72, 0.6
"""The unit of letter sizes, and the width of a letter as a share of its size."""
FILLED_MARKER: dict[str, Any] = {"markersize": 2.5, "markeredgewidth": 0}
OPEN_MARKER: dict[str, Any] = {"markersize": 3.5, "markeredgewidth": 0.6, "fillstyle": "none"}


def save(figure: Figure, file: Path) -> None:
    """Write a figure as a PNG file and, beside it, as a PDF without a date."""
    with whole(file) as beside:
        figure.savefig(beside, format="png")
    with whole(file.with_suffix(".pdf")) as beside:
        figure.savefig(beside, format="pdf", metadata={"CreationDate": None})


def picture_rows(
    file: Path, rows: Mapping[str, Sequence[np.ndarray]], titles: Sequence[str], together: bool = False
) -> None:
    """Write a figure of images (H, W, 3) in named rows, with a title above each column.

    Letters of the names are smaller if a name would be longer than its row is high.
    White margins are cut off: those of a column alike or, with ``together``, those of all images.
    """
    images_of, aspect = trimmed(rows, together)
    across, down = SIDE * min(aspect, 1), SIDE / max(aspect, 1)
    width, height = across * len(titles) + LABELS, down * len(rows) + TITLES
    label_points = min(STYLE["font.size"], POINTS_PER_INCH * down / LETTER_WIDTH / max(1, *map(len, rows)))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(len(rows), len(titles), squeeze=False)
        for line, (name, images) in zip(axes, images_of.items(), strict=True):
            for ax, image in zip(line, images, strict=True):
                ax.imshow(image)
                ax.set(xticks=[], yticks=[])
                ax.grid(False)
                ax.spines[:].set_visible(False)
            line[0].set_ylabel(name, fontsize=label_points)
        for ax, title in zip(axes[0], titles, strict=True):
            ax.set_title(title, fontsize=8, parse_math=False)  # a photo's name may hold dollar signs
        figure.subplots_adjust(LABELS / width, 0, 1, 1 - TITLES / height, 0, 0)
        save(figure, file)


def loss_curves(file: Path, histories: dict[str, tuple[pd.DataFrame, Sequence[str]]], title: str) -> None:
    """Write a figure with one panel per stage: its loss terms over its epochs, on a logarithmic scale.

    Values below ``LEAST`` times a panel's largest value are cut off.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.2 * len(histories), 3), layout="constrained")
        panels = figure.subplots(1, len(histories), squeeze=False)[0]
        for panel, (name, (history, terms)) in zip(panels, histories.items(), strict=True):
            for term, dash in zip(terms, DASHES, strict=False):
                panel.plot(history["epoch"], history[term], dash, linewidth=1, label=term.replace("_", " "))
            panel.set(title=name, xlabel="epoch", ylabel="loss", yscale="log")
            _plain_numbers(panel.yaxis)
            panel.set_ylim(bottom=max(panel.get_ylim()[0], LEAST * history[list(terms)].max(axis=None)))
            panel.legend(frameon=False)
        figure.suptitle(title)
        save(figure, file)


def clouds(
    file: Path, clouds_by_name: Mapping[str, np.ndarray], shapes: np.ndarray, title: str, filled: int | None = None
) -> None:
    """Write a figure with a panel for each point set (N, 2); the points of one of ``shapes`` (N,) share a marker.

    The markers of the first ``filled`` shapes are filled, those of the others open; None means that all are filled.
    """
    colours = matplotlib.colormaps["tab20"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.6 * len(clouds_by_name), 3.8), layout="constrained")
        panels = figure.subplots(1, len(clouds_by_name), squeeze=False)[0]
        for panel, (name, points) in zip(panels, clouds_by_name.items(), strict=True):
            for index in np.unique(shapes):
                cloud, marker = points[shapes == index], MARKERS[index % len(MARKERS)]
                style = FILLED_MARKER if filled is None or index < filled else OPEN_MARKER
                panel.plot(*cloud.T, marker, color=colours(index % 20), **style)
            panel.set(title=name, xticks=[], yticks=[])
            panel.grid(False)
        figure.suptitle(textwrap.fill(title, 40 * len(clouds_by_name)))
        save(figure, file)


def distribution(file: Path, errors: Mapping[str, np.ndarray], label: str, title: str) -> None:
    """Write a figure of the share of shapes whose error is at most x, with a line for each method."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.5, 4.2), layout="constrained")
        panel = figure.subplots()
        for index, (name, values) in enumerate(errors.items()):
            panel.ecdf(values, linestyle=DASHES[index % len(DASHES)], linewidth=1 + index // len(DASHES), label=name)
        panel.set(xscale="log", xlabel=label, ylabel="share of shapes", ylim=(0, 1.02), title=title)
        _plain_numbers(panel.xaxis)
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=7)
        save(figure, file)


def curves(
    file: Path, panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], across: str, label: str
) -> None:
    """Write a figure of shares with one panel per entry of ``panels``; each shows a curve (x, y) for each method."""
    if not panels:
        message(file, "No shape has known keypoints, so there is no PCK.")
        return
    with matplotlib.rc_context(STYLE):
        rows = -(-len(panels) // 2)
        figure = Figure(figsize=(7, 2.6 * rows + 0.6), layout="constrained")
        axes = figure.subplots(rows, 2, squeeze=False, sharex=True, sharey=True).flatten()
        for ax, (name, methods) in zip(axes, panels.items(), strict=False):
            for dash, (method, (x, y)) in zip(DASHES, methods.items(), strict=False):
                ax.plot(x, y, dash, linewidth=1.2, label=method)
            ax.set(title=name, ylim=(0, 1.02))
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        figure.supxlabel(across, fontsize=8)
        figure.supylabel(label, fontsize=8)
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False, fontsize=7
        )
        save(figure, file)


def against(
    file: Path, panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], label: str, title: str
) -> None:
    """Write a figure with one panel per entry of ``panels``; each shows a cloud of (x, y) for each method."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.8 * len(panels), 3.2), layout="constrained")
        for panel, (across, methods) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            for marker, (name, (x, y)) in zip(MARKERS, methods.items(), strict=False):
                panel.plot(x, y, marker, markersize=4, fillstyle="none", label=name)
            panel.set(xlabel=across, ylabel=label, yscale="log")
            _plain_numbers(panel.yaxis)
        labels = panel.get_legend_handles_labels()
        figure.legend(*labels, loc="outside lower center", ncols=2, frameon=False, fontsize=7)
        figure.suptitle(title)
        save(figure, file)


def _plain_numbers(axis: Axis) -> None:
    """Label a logarithmic axis at 1, 2, 5 and 10, with 0.2, not 2 x 10^-1."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def message(file: Path, text: str) -> None:
    """Write a figure that shows only ``text``, such as the reason why a photo could not be used."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6, 1.5))
        figure.text(0.02, 0.5, text, wrap=True, va="center", parse_math=False)
        save(figure, file)
