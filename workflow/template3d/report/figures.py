"""Figures: pictures set in rows and columns, and curves."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from template3d.files import whole
from template3d.report.style import DASHES, STYLE


def picture_rows(file: Path, rows: dict[str, Sequence[np.ndarray]], titles: Sequence[str]) -> None:
    """Write a PNG of images (H, W, 3) in named rows, a title over each column, and nothing else."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.6 * len(titles) + 0.3, 1.6 * len(rows) + 0.4))
        axes = figure.subplots(len(rows), len(titles), squeeze=False)
        for line, (name, images) in zip(axes, rows.items(), strict=True):
            for place, image in zip(line, images, strict=True):
                place.imshow(image)
                place.set(xticks=[], yticks=[])
                place.grid(False)
                place.spines[:].set_visible(False)
            line[0].set_ylabel(name)
        for place, title in zip(axes[0], titles, strict=True):
            place.set_title(title, fontsize=8)
        figure.subplots_adjust(0.05, 0.01, 0.995, 1 - 0.4 / (1.6 * len(rows) + 0.4), 0.02, 0.02)
        with whole(file) as beside:
            figure.savefig(beside, format="png")


def loss_curves(file: Path, histories: dict[str, tuple[pd.DataFrame, Sequence[str]]], title: str) -> None:
    """Write a PNG with one panel per stage: its terms of the loss over its epochs, on a logarithmic scale."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.2 * len(histories), 3), layout="constrained")
        panels = figure.subplots(1, len(histories), squeeze=False)[0]
        for panel, (name, (history, terms)) in zip(panels, histories.items(), strict=True):
            for term, dash in zip(terms, DASHES, strict=False):
                panel.plot(history["epoch"], history[term], dash, linewidth=1, label=term.replace("_", " "))
            panel.set(title=name, xlabel="epoch", ylabel="loss", yscale="log")
            panel.legend(frameon=False)
        figure.suptitle(title)
        with whole(file) as beside:
            figure.savefig(beside, format="png")
