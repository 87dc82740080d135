"""Reconstructs the user's photos of a category with every method, and draws the results side by side."""

import contextlib
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh

from template3d.data import archives, photos
from template3d.evaluation.methods import METHODS
from template3d.geometry import meshes
from template3d.networks.models import Model
from template3d.reconstruction import confidence
from template3d.reconstruction.confidence import Confidence
from template3d.reconstruction.photo import reconstruct_photo
from template3d.rendering import previews
from template3d.report import figures
from template3d.runtime import caches, files, seals
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


class Products:
    """The files that earlier runs wrote beside a table of photos, and those that this run writes.

    A file that no run wrote is never deleted or replaced.
    """

    def __init__(self, table: Path) -> None:
        """Read which files earlier runs wrote, from the seal of ``table`` and from their own list."""
        self.folder = table.parent
        self._list = table.with_name(f".{table.name}.files")
        self._written: dict[str, str] = {}
        """The digest of each file; empty for those of a run that was killed."""
        with contextlib.suppress(FileNotFoundError, InputError):  # damaged: the list alone counts
            self._written |= seals.read(table).members
        self._written |= caches.read(self._list)

    def delete_old(self) -> None:
        """Delete the files of earlier runs, because their photos may no longer exist; set aside what was edited."""
        for name, digest in self._written.items():
            file = self.folder / name
            if not archives.is_inside(photos.printable(name)) or not file.is_file():
                continue
            if digest and seals.digest(file) != digest:
                log.warning("%s was edited; it is set aside as %s", file, seals.set_aside(file).name)
            else:
                file.unlink()

    def claim(self, products: Iterable[Path]) -> set[Path]:
        """Record that this run writes ``products``; returns those that exist, which it must not replace."""
        wanted = list(products)
        existing = {file for file in wanted if os.path.lexists(file)}
        self._written = {str(file.relative_to(self.folder)): "" for file in wanted if file not in existing}
        caches.write(self._list, self._written)
        return existing

    def finished(self) -> list[Path]:
        """The files that this run wrote, all of them."""
        written = sorted(file for name in self._written if (file := self.folder / name).is_file())
        caches.write(self._list, {str(file.relative_to(self.folder)): seals.digest(file) for file in written})
        return written


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
            results = {
                method: reconstruct_photo(model, file, **self.isosurface, limits=self.limits)
                for method, model in self.models.items()
            }
            prepared = next(iter(results.values()))[1]
            confidences = {method: confidence.of_photos(model, [prepared]) for method, model in self.models.items()}
            self._write(file, picture, results, confidences)
        except InputError as error:
            reason = photos.printable(str(error))
            log.warning("skipped: %s", reason)
            if not taken and not picture.exists():
                figures.message(picture, f"{name}: not usable\n{reason}")
            return {"photo": photos.cell(file.name), "status": "unusable", "reason": photos.cell(str(error))}
        empty = [method for method, (mesh, _) in results.items() if not len(mesh.faces)]
        status = f"no surface by {', '.join(empty)}" if empty else "ok"
        facts = {"background": prepared.background, "confidence": self._in_words(confidences)}
        log.info("%s: %s, background: %s, confidence: %s", name, status, *facts.values())
        return {"photo": photos.cell(file.name), "status": status} | facts

    def _in_words(self, confidences: Mapping[str, Confidence]) -> str:
        """The confidence in a photo's shapes; with several methods, each after its name."""
        words = {METHODS[method].name: str(of_method) for method, of_method in confidences.items()}
        return "; ".join(words.values() if len(words) == 1 else (f"{name}: {text}" for name, text in words.items()))

    def _write(
        self,
        file: Path,
        picture: Path,
        results: Mapping[str, tuple[trimesh.Trimesh, photos.Photo]],
        confidences: Mapping[str, Confidence],
    ) -> None:
        prepared = next(iter(results.values()))[1]
        images = {"as the encoder sees it": np.array(prepared.image.resize((SIZE, SIZE)))}
        for method, (mesh, _) in results.items():
            for suffix, write in WRITERS.items() if len(mesh.faces) else ():
                with files.whole(self._product(file, method, suffix)) as beside:
                    beside.write_bytes(write(mesh))
            for turn, azimuth in TURNS.items():
                gray = previews.shaded(mesh, SIZE, azimuth)
                title = f"{METHODS[method].name}, {turn}\nconfidence: {confidences[method].word}"
                images[title] = np.repeat(gray[..., None], 3, axis=2)
        figures.picture_rows(picture, {"": [*images.values()]}, list(images))
