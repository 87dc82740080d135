"""Reconstructs the user's photos of a category with every method, and draws the results side by side."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from template3d.data import photos
from template3d.evaluation.methods import METHODS
from template3d.networks.models import Model
from template3d.reconstruction.photo import WRITERS, reconstruct_photo
from template3d.rendering import previews
from template3d.report import figures
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

log = logging.getLogger(__name__)

SIZE = 256
TURNS = {"from the front": 42.0, "from behind": 200.0}
"""Azimuths, in degrees."""
COLUMNS = ["photo", "status", "background", "reason"]


def delete_old(folder: Path) -> None:
    """Delete the results of earlier runs, because their photos may no longer exist or be usable."""
    for old in folder.glob("*"):
        if old.suffix in (".png", ".pdf", *WRITERS):
            old.unlink()


@dataclass
class PhotoReconstructor:
    """Reconstructs photos with one model per method, into a folder."""

    models: Mapping[str, Model]
    folder: Path
    isosurface: Mapping[str, int]
    limits: Limits

    def table(self, photo_files: Iterable[Path]) -> pd.DataFrame:
        """Write each photo's meshes and picture; return a table with a row per photo (COLUMNS)."""
        return pd.DataFrame([self._row(file) for file in photo_files], columns=COLUMNS)

    def _row(self, file: Path) -> dict[str, str]:
        picture = self.folder / f"{file.stem}.png"
        try:
            if picture.exists():
                raise InputError(f"{file}: another photo has the same name but for its ending; rename one")
            results = {
                method: reconstruct_photo(model, file, **self.isosurface, limits=self.limits)
                for method, model in self.models.items()
            }
        except InputError as error:
            log.warning("skipped: %s", error)
            if not picture.exists():
                figures.message(picture, f"{file.name}: not usable\n{error}")
            return {"photo": file.name, "status": "unusable", "reason": str(error)}
        methods: Sequence[str] = [*results]
        prepared = results[methods[0]][1]
        images = {"as the encoder sees it": np.array(prepared.image.resize((SIZE, SIZE)))}
        for method, (mesh, _) in results.items():
            for suffix, write in WRITERS.items() if len(mesh.faces) else ():
                with files.whole(photos.product(self.folder, file, method, methods, suffix)) as beside:
                    beside.write_bytes(write(mesh))
            for turn, azimuth in TURNS.items():
                gray = previews.shaded(mesh, SIZE, azimuth)
                images[f"{METHODS[method].name}, {turn}"] = np.repeat(gray[..., None], 3, axis=2)
        figures.picture_rows(picture, {"": [*images.values()]}, list(images))
        empty = [method for method, (mesh, _) in results.items() if not len(mesh.faces)]
        status = f"no surface by {', '.join(empty)}" if empty else "ok"
        log.info("%s: %s, background: %s", file, status, prepared.background)
        return {"photo": file.name, "status": status, "background": prepared.background}
