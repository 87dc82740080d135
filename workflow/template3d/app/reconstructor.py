"""What the page does, without the page: from a photo to a code, to a shape, to files."""

import shutil
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import trimesh
from PIL import Image
from torch import Tensor

from template3d.app.models import Models, Trained
from template3d.data import images, photos
from template3d.geometry import meshes
from template3d.reconstruction import confidence, correspondence, inference, silhouettes
from template3d.reconstruction.confidence import Confidence
from template3d.rendering import previews
from template3d.report import colours
from template3d.runtime.errors import InputError

COARSE, ROUGH = 32, 64
"""Cells a side of the coarsest grid, and of the grid of a training shape's picture."""
PICTURE = 256
"""Pixels a side of a picture of a shape."""
NEAREST = 3
"""Training shapes that are shown beside a reconstruction."""
PREFIX, KEPT_S = "shape-", 3600.0
"""Of the folders with written shapes: the start of their names, and the seconds for which they are kept."""
PLAIN_COLOUR = (120, 128, 138)
"""Of a shape that is not coloured by its template."""


@dataclass(frozen=True)
class Shape:
    """The shape on the page, and where it comes from."""

    name: str
    """The photo's name, without its ending."""
    category: str
    method: str
    first: Tensor
    """The code (L,) of the photo."""
    code: Tensor
    """The code (L,) of the shape."""
    mesh: trimesh.Trimesh
    confidence: Confidence
    """In the reconstruction from the photo."""
    second: Tensor | None = None
    """The code (L,) of the second photo, if there is one."""
    agreements: dict[str, float] = field(default_factory=dict)
    """The agreement of the outline by category, best first; empty if the category was not guessed."""


class Neighbour(NamedTuple):
    """A training shape near a code."""

    shape: str
    distance: float
    """Between the codes, as a multiple of the usual distance between neighbouring training shapes."""
    picture: Image.Image


class Reconstructor:
    """Reconstructs with the models of a folder; several pages share it: of them it knows nothing."""

    def __init__(self, models: Models, resolution: int) -> None:
        """``resolution`` is the number of cells a side of a shape's grid, a multiple of 32."""
        self.models, self.resolution = models, resolution
        self._training_picture = lru_cache(maxsize=1024)(self._draw_training_shape)

    def reconstructed(
        self, cut: photos.CutOut, name: str, category: str | None, method: str
    ) -> tuple[Shape, Image.Image]:
        """The shape on a photo, and what the encoder saw; ``category`` None lets the outline decide.

        Raises InputError if the cut-out is empty, if there is no such model, or if the network sees no surface.
        """
        photo = photos.prepared(cut, name)
        agreements: dict[str, float] = {}
        if category is None:
            agreements = self.agreements(photo, method)
            category = next(iter(agreements))
        trained = self.models.load(category, method)
        code, sure = self.code(photo, trained), confidence.of_photos(trained.model, [photo])
        mesh = self.mesh(category, method, code)
        return Shape(name, category, method, code, code, mesh, sure, agreements=agreements), photo.image

    def agreements(self, photo: photos.Photo, method: str) -> dict[str, float]:
        """For each category with a model of ``method``, how well its outline agrees with the photo's; best first."""
        mask = np.asarray(photo.image).min(axis=2) <= images.OBJECT
        if not mask.any():
            raise InputError("the photo shows nothing but white; use another one")
        by_category = {}
        for category in self.models.with_method(method):
            trained = self.models.load(category, method)
            code = self.code(photo, trained)
            by_category[category] = silhouettes.agreement(trained.model.decoder, code, mask)
        return dict(sorted(by_category.items(), key=lambda item: -item[1]))

    def code(self, photo: photos.Photo, trained: Trained) -> Tensor:
        """The code (L,) that a model's encoder gives a photo."""
        model = trained.model
        assert model.image_size is not None  # a model with an encoder has one
        return model.encode(images.to_tensor(photo.image, model.image_size, model.crop_to_object)[None])[0]

    def mesh(self, category: str, method: str, code: Tensor) -> trimesh.Trimesh:
        """The mesh of a code (L,); raises InputError if it has no surface."""
        decoder = self.models.load(category, method).model.decoder
        (mesh,) = inference.meshes_of(decoder, code[None], self.resolution, COARSE)
        if not len(mesh.faces):
            raise InputError(
                "the network sees no surface here; choose another category, correct the cut-out, or reset the sliders"
            )
        return mesh

    def with_second(self, shape: Shape, cut: photos.CutOut, name: str) -> Shape:
        """A shape with the code of a second photo, of the same category; raises InputError if the cut-out is empty."""
        trained = self.models.load(shape.category, shape.method)
        return replace(shape, second=self.code(photos.prepared(cut, name), trained))

    def changed(self, shape: Shape, between: float, amounts: list[float]) -> Shape:
        """A shape at ``between`` (0 to 1) from the first photo to the second, moved along the main directions.

        ``amounts`` are standard deviations of the training codes. Raises InputError if that has no surface.
        """
        code = shape.first if shape.second is None else torch.lerp(shape.first, shape.second, between)
        directions = self.models.load(shape.category, shape.method).directions
        code = directions.moved(code, amounts[: len(directions.deviations)])
        return replace(shape, code=code, mesh=self.mesh(shape.category, shape.method, code))

    def nearest(self, shape: Shape) -> list[Neighbour]:
        """The training shapes with the nearest codes."""
        trained = self.models.load(shape.category, shape.method)
        distances = (trained.codes - shape.code).norm(dim=1)
        return [
            Neighbour(
                trained.shapes[index],
                float(distances[index]) / trained.spacing,
                self._training_picture(shape.category, shape.method, index),
            )
            for index in distances.argsort()[:NEAREST].tolist()
        ]

    def _draw_training_shape(self, category: str, method: str, index: int) -> Image.Image:
        trained = self.models.load(category, method)
        (mesh,) = inference.meshes_of(trained.model.decoder, trained.codes[index][None], ROUGH, COARSE)
        return picture(mesh)

    def write(self, shape: Shape, by_template: bool, suffix: str, folder: Path) -> Path:
        """Write the shape into a new folder in ``folder``, in the format of ``suffix``; returns the file.

        Shapes that were written an hour ago are deleted: every move of a slider writes one.
        """
        for old in folder.glob(f"{PREFIX}*"):
            if time.time() - old.stat().st_mtime > KEPT_S:
                shutil.rmtree(old, ignore_errors=True)  # another page may delete it at the same time
        mesh = shape.mesh.copy()
        colour: np.ndarray = np.array(PLAIN_COLOUR, np.uint8)
        if by_template:
            decoder = self.models.load(shape.category, shape.method).model.decoder
            colour = colours.of_positions(correspondence.template_coordinates(decoder, shape.code, mesh.vertices))
        mesh.visual.vertex_colors = colour  # type: ignore[union-attr]
        file = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder), shape.name + suffix)
        file.write_bytes(meshes.WRITERS[suffix](mesh))
        return file


def picture(mesh: trimesh.Trimesh) -> Image.Image:
    """A shape from the front and above, gray on transparent."""
    smaller = meshes.transformed(mesh, 0.93 * mesh.vertices)  # a reconstruction may reach out of the unit sphere
    shades = previews.shaded(smaller, PICTURE)
    return Image.merge(
        "LA", [Image.fromarray(shades), Image.fromarray(np.where(shades < 255, 255, 0).astype(np.uint8))]
    )
