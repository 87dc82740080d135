"""The picture of a category, with rows for views, ground truth and reconstructions; and the picture of its template."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh

from template3d.data import archives, photos, views
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.methods import METHODS, NAMES
from template3d.geometry import meshes
from template3d.rendering import cameras
from template3d.rendering.blender import Studio
from template3d.report import figures
from template3d.runtime.limits import Limits

SIZE = 320
PHOTOS = 4
"""The most photos in a picture."""
PHOTO_SEEN_FROM = cameras.View(42, 24, distance=1.4)
VIEW, TRUTH = "input view", "ground truth"
"""The first rows."""
NOTHING = np.full((SIZE, SIZE, 3), 255, np.uint8)
UNIT_SPHERE = 0.5
"""The scale that gives a shape in the unit sphere about ShapeNet's size."""
TURNS = {"front": (0, 15), "left": (90, 15), "back": (180, 15), "above": (40, 30)}
"""Azimuth and elevation, in degrees, of the images of a template."""


class Picture:
    """Collects columns of images, one for each shape or photo."""

    def __init__(self, studio: Studio, methods: Sequence[str]) -> None:
        """Start without columns; each of ``methods`` has a row of reconstructions."""
        self.studio = studio
        self.titles: list[str] = []
        self.names = {method: "reconstruction" if len(methods) == 1 else METHODS[method].name for method in methods}
        self.rows: dict[str, list[np.ndarray]] = {name: [] for name in (VIEW, TRUTH, *self.names.values())}

    def add_shape(
        self,
        view: cameras.View,
        image: np.ndarray,
        mesh: trimesh.Trimesh,
        archive_of: Mapping[str, Path],
        member: str,
        title: str,
    ) -> None:
        """Add a shape's column: an image, then its mesh and ``member`` of each method's archive, from ``view``."""
        self.rows[VIEW].append(image)
        self.rows[TRUTH].append(self.studio.picture(mesh, view))
        for method, archive in archive_of.items():
            reconstruction = meshes.read_ply(archives.read(archive, member))
            self.rows[self.names[method]].append(self.studio.picture(reconstruction, view))
        self.titles.append(title)

    def add_photos(self, files: Iterable[Path], table: Path, methods: Sequence[str], limits: Limits) -> None:
        """Add a column for each of the first PHOTOS usable photos.

        ``table`` is photos.csv beside their meshes, which ``methods`` made. One without a row gets a row.
        """
        rows = pd.read_csv(table, dtype=str, keep_default_na=False)
        for method in methods:
            name = self.names.setdefault(method, NAMES[method])
            self.rows.setdefault(name, [NOTHING] * len(self.titles))
        unusable = set(rows["photo"][rows["status"] == "unusable"])
        usable = [file for file in files if photos.cell(file.name) not in unusable]
        for photo in usable[:PHOTOS]:
            image = photos.read(photo, limits).image
            self.rows[VIEW].append(np.array(image.resize((SIZE, SIZE))))
            self.rows[TRUTH].append(NOTHING)
            for method, name in self.names.items():
                file = photos.product(table.parent, photo, method, methods, ".ply")
                made = method in methods and file.exists()
                mesh = meshes.read_ply(file.read_bytes()).apply_scale(UNIT_SPHERE) if made else None
                picture = NOTHING if mesh is None else self.studio.picture(mesh, PHOTO_SEEN_FROM)
                self.rows[name].append(picture)
            self.titles.append(f"photo {photos.printable(photo.stem):.12}")

    def save(self, file: Path) -> None:
        """Write the figure."""
        figures.picture_rows(file, self.rows, self.titles)


def shapes(
    picture: Picture,
    category: str,
    settings: Mapping,
    view_shards: Sequence[Path],
    truths: PreparedMeshes,
    reconstructions: Mapping[str, Mapping[str, Path]],
    chamfer: Sequence[Mapping[str, float]],
) -> None:
    """Add the shapes of both splits to a picture, from the fixed view.

    ``settings`` holds ``shapes`` by split, ``kind`` and ``reconstruct.fixed_view``. ``reconstructions`` holds each
    method's archive by split. ``chamfer`` holds each method's distances x 1000 by shape, shown above the test shapes.
    """
    archive_of, kind, index = archives.index(view_shards), settings["kind"], settings["reconstruct"]["fixed_view"]
    for split, archive_of_method in reconstructions.items():
        names = archives.names(next(iter(archive_of_method.values())))
        for shape in settings["shapes"][split]:
            member = f"{shape}/{kind}_fixed_{index:02d}.ply"
            if member not in names:  # a bad mesh, which results/data/failed.csv explains
                continue
            view = cameras.described_view(views.read_cameras(archive_of, category, shape, kind), index)
            image = np.array(views.read_one(archive_of, category, shape, kind, index))
            values = ", ".join(f"{values.get(shape, np.nan):.2f}" for values in chamfer) if split == "test" else ""
            title = f"{split} {shape[:4]}{': ' * bool(values)}{values}"
            picture.add_shape(view, image, truths[shape], archive_of_method, member, title)


def templates(file: Path, studio: Studio, meshes_unit: Mapping[str, Path]) -> None:
    """Write the figure of each method's template (a PLY file, in the unit sphere) from all sides."""
    rows = {}
    for method, mesh_file in meshes_unit.items():
        template = meshes.read_ply(mesh_file.read_bytes()).apply_scale(UNIT_SPHERE)
        pictures = [studio.picture(template, cameras.View(*turn, distance=1.4)) for turn in TURNS.values()]
        rows["template" if len(meshes_unit) == 1 else METHODS[method].name] = pictures
    figures.picture_rows(file, rows, list(TURNS), together=True)
