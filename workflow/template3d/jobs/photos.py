"""Reconstructs the user's photos of a category with every method, and draws the results side by side."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh

from template3d.data import photos
from template3d.evaluation.methods import NAMES
from template3d.geometry import meshes
from template3d.jobs.products import Products
from template3d.networks.models import Model
from template3d.reconstruction import confidence, correspondence
from template3d.reconstruction.confidence import Confidence
from template3d.reconstruction.photo import reconstruct_views
from template3d.rendering import previews
from template3d.report import colours, figures
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

log = logging.getLogger(__name__)

WRITERS = {suffix: meshes.WRITERS[suffix] for suffix in (".glb", ".ply")}
"""The formats of a photo's mesh."""
SIZE = 256
TURNS = {"from the front": 42.0, "from behind": 200.0}
"""Azimuths, in degrees."""
COLUMNS = ["photo", "status", "background", "confidence", "reason"]
PICTURES = (".png", ".pdf")
"""The formats of the picture that shows the results of a photo."""


@dataclass
class PhotoReconstructor:
    """Reconstructs photos with one model per method; the results are beside ``table``, the path of photos.csv."""

    models: Mapping[str, Model]
    table: Path
    isosurface: Mapping[str, int]
    limits: Limits

    def rows(self, photo_files: Iterable[Path]) -> tuple[pd.DataFrame, list[Path]]:
        """Write each photo's meshes and picture, instead of those of earlier runs.

        Returns a table with a row per photo (COLUMNS), and the files that were written.
        """
        photo_files, products = list(photo_files), Products(self.table)
        products.delete_old()
        existing = products.claim(file for photo in photo_files for file in self._products(photo))
        rows = [self._row(photo, existing) for photo in photo_files]
        return pd.DataFrame(rows, columns=COLUMNS), products.finished()

    def _products(self, photo: Path) -> list[Path]:
        methods = [*self.models]
        files_of_meshes = [self._product(photo, method, suffix) for method in methods for suffix in WRITERS]
        return [*files_of_meshes, *(self._product(photo, methods[0], suffix) for suffix in PICTURES)]

    def _product(self, photo: Path, method: str, suffix: str) -> Path:
        return photos.product(self.table.parent, photo, method, [*self.models], suffix)

    def _row(self, file: Path, existing: set[Path]) -> dict[str, str]:
        picture, name = self._product(file, next(iter(self.models)), PICTURES[0]), photos.printable(file.name)
        taken = sorted(existing.intersection(self._products(file)))
        try:
            if taken:
                raise InputError(f"{file}: {taken[0]} is no result of this workflow; move it, and run snakemake again")
            if picture.exists():
                raise InputError(f"{file}: another photo has the same name but for its ending; rename one")
            photo = photos.read(file, self.limits)
            results = {method: self._painted(model, photo) for method, model in self.models.items()}
            confidences = {method: confidence.of_photos(model, [photo]) for method, model in self.models.items()}
            self._write(file, picture, photo, results, confidences)
        except InputError as error:
            reason = photos.printable(str(error))
            log.warning("skipped: %s", reason)
            if not taken and not picture.exists():
                figures.message(picture, f"{name}: not usable\n{reason}")
            return {"photo": photos.cell(file.name), "status": "unusable", "reason": photos.cell(str(error))}
        empty = [method for method, mesh in results.items() if not len(mesh.faces)]
        status = f"no surface by {', '.join(empty)}" if empty else "ok"
        facts = {"background": photo.background, "confidence": self._in_words(confidences)}
        log.info("%s: %s, background: %s, confidence: %s", name, status, *facts.values())
        return {"photo": photos.cell(file.name), "status": status} | facts

    def _in_words(self, confidences: Mapping[str, Confidence]) -> str:
        """The confidence in a photo's shapes; with several methods, each after its name."""
        words = {NAMES[method]: str(of_method) for method, of_method in confidences.items()}
        return "; ".join(words.values() if len(words) == 1 else (f"{name}: {text}" for name, text in words.items()))

    def _painted(self, model: Model, photo: photos.Photo) -> trimesh.Trimesh:
        """The mesh of a photo, in the unit sphere, with the colours of its template coordinates."""
        mesh, code = reconstruct_views(model, [photo], **self.isosurface)
        return colours.painted(mesh, correspondence.template_coordinates(model.decoder, code, mesh.vertices))

    def _write(
        self,
        file: Path,
        picture: Path,
        photo: photos.Photo,
        results: Mapping[str, trimesh.Trimesh],
        confidences: Mapping[str, Confidence],
    ) -> None:
        images = {"as the encoder sees it": np.array(photo.image.resize((SIZE, SIZE)))}
        for method, mesh in results.items():
            for suffix, write in WRITERS.items() if len(mesh.faces) else ():
                with files.whole(self._product(file, method, suffix)) as beside:
                    beside.write_bytes(write(mesh))
            for turn, azimuth in TURNS.items():
                gray = previews.shaded(mesh, SIZE, azimuth)
                title = f"{NAMES[method]}, {turn}\nconfidence: {confidences[method].word}"
                images[title] = np.repeat(gray[..., None], 3, axis=2)
        figures.picture_rows(picture, {"": [*images.values()]}, list(images))
