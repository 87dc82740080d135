"""What happens when a part of the page is used; nothing here knows Gradio.

Each action returns one value for each part of the page that it sets. Errors of the user's are lines of the page.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from template3d.app import drawing, pieces
from template3d.app.models import SLIDERS
from template3d.app.reconstructor import Reconstructor, Shape
from template3d.data import photos
from template3d.data.photos import CutOut
from template3d.runtime.errors import InputError

GUESS = "guess"
"""The choice of a category that leaves it to the outline."""
START, WORKING = "Drop, paste or take a photo.", "Reconstructing ..."
NO_SHAPE = "there is no shape yet; add a photo first"


@dataclass
class Seen:
    """What a page remembers of its photo."""

    name: str
    cut: CutOut
    image: Image.Image | None = None
    """As the encoder saw it."""


class Actions:
    """The actions of a page."""

    def __init__(self, reconstructor: Reconstructor, folder: Path, update: Callable[..., Any]) -> None:
        """``folder`` takes the files that the page shows.

        ``update(**properties)`` is a change of some properties of a part of the page; without any, the part stays.
        """
        self.reconstructor, self.folder, self.update = reconstructor, folder, update

    def read(self, file: str | None) -> tuple:
        """Of a photo: what the page remembers of it, its drawing, and a status."""
        if file is None:
            return None, None, pieces.status(START)
        try:
            cut = drawing.shrunk(photos.cut_out(Path(file)))
        except InputError as error:
            return None, None, pieces.failure(pieces.without_folder(error, file))
        return Seen(pieces.file_name(file), cut), drawing.of_cut_out(cut), pieces.status(WORKING)

    def redraw(self, seen: Seen | None, drawn: dict | None) -> tuple:
        """What the page remembers after a change of the cut-out, its drawing, and a status."""
        try:
            cut = drawing.to_cut_out(drawn, seen.cut if seen else None)
        except InputError as error:
            return None, self.update(), pieces.failure(error)
        assert seen is not None  # it has a cut-out
        return Seen(seen.name, cut), drawing.of_cut_out(cut), pieces.status(WORKING)

    def reconstruct(self, seen: Seen | None, category: str, method: str) -> tuple:
        """The shape of a photo, with a status and sliders at 0."""
        still = [0] * (1 + SLIDERS)
        if seen is None:
            return None, None, self.update(), *still
        start = time.monotonic()
        try:
            chosen = None if category == GUESS else category
            shape, image = self.reconstructor.reconstructed(seen.cut, seen.name, chosen, method)
        except InputError as error:
            return None, seen, pieces.failure(error), *still
        text = pieces.summary(shape, seen.cut.background, time.monotonic() - start)
        shares = self.reconstructor.models.load(shape.category, shape.method).directions.shares.tolist()
        sliders = [
            self.update(
                value=0, label=f"Direction {index + 1}: {100 * shares[index]:.0f} % of the variance", visible=True
            )
            if index < len(shares)
            else self.update(value=0, visible=False)
            for index in range(SLIDERS)
        ]
        return shape, Seen(seen.name, seen.cut, image), pieces.status(text), 0, *sliders

    def change(self, shape: Shape | None, between: float, *amounts: float) -> tuple:
        """The shape for positions of the sliders, and a status."""
        if shape is None:
            return None, pieces.failure(NO_SHAPE)
        start = time.monotonic()
        try:
            shape = self.reconstructor.changed(shape, between, list(amounts))
        except InputError as error:
            return shape, pieces.failure(error)
        return shape, pieces.status(f"Changed in {time.monotonic() - start:.1f} s.")

    def reset(self, shape: Shape | None) -> tuple:
        """The shape of the photo again, a status, and all sliders at 0."""
        return *self.change(shape, 0, *[0] * SLIDERS), *[0] * (1 + SLIDERS)

    def add_second(self, shape: Shape | None, file: str | None) -> tuple:
        """The shape halfway to that of a second photo, a status, and the sliders."""
        unchanged = [self.update()] * (1 + SLIDERS)
        if file is None:
            return shape, self.update(), *unchanged
        if shape is None:
            return None, pieces.failure(NO_SHAPE), *unchanged
        try:
            shape = self.reconstructor.with_second(shape, photos.cut_out(Path(file)), pieces.file_name(file))
        except InputError as error:
            return shape, pieces.failure(pieces.without_folder(error, file)), *unchanged
        return *self.change(shape, 0.5, *[0] * SLIDERS), 0.5, *[0] * SLIDERS

    def show(self, shape: Shape | None, seen: Seen | None, by_template: bool) -> tuple:
        """The file of a shape to turn, and the pictures of it and of the training shapes nearest to it."""
        if shape is None:
            return None, ""
        file = self.reconstructor.write(shape, by_template, ".glb", self.folder)
        neighbours = pieces.neighbours(self.reconstructor, shape, seen.image if seen else None)
        return str(file), neighbours

    def write(self, suffix: str, shape: Shape | None, by_template: bool) -> tuple:
        """The file of a shape in the format of ``suffix``, and a status."""
        if shape is None:
            return None, pieces.failure(NO_SHAPE)
        file = self.reconstructor.write(shape, by_template, suffix, self.folder)
        return str(file), pieces.status(f"Saved as {file.name}.")
