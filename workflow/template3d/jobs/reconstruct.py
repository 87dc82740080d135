"""Reconstructions of a category's shapes, each from one view: their list, and the files of each."""

import itertools
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import trimesh

from template3d.data import archives, images, views
from template3d.geometry import meshes
from template3d.geometry.normalization import Normalization
from template3d.networks.models import Model
from template3d.reconstruction import correspondence, inference
from template3d.rendering import cameras
from template3d.report import colours
from template3d.runtime import randomness

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Reconstructions in one batch on a GPU."""


class Reconstruction(NamedTuple):
    """One reconstruction of a shape from a view."""

    shape: str
    kind: str
    choice: str
    view: int

    @property
    def image_key(self) -> tuple[str, str, int]:
        """Shape, kind and index of the view: the same for a fixed and a random reconstruction of one image."""
        return self.shape, self.kind, self.view

    @property
    def stem(self) -> str:
        """Its name in the archive."""
        return f"{self.shape}/{self.kind}_{self.choice}_{self.view:02d}"


class _Prediction(NamedTuple):
    """What the model predicts for one image."""

    code: torch.Tensor
    """Shape (L,)."""
    mesh_unit: trimesh.Trimesh
    """The mesh in the unit sphere."""
    seconds: float
    """The time for encoding and meshing its batch, divided by the number of images."""


def wanted(shapes: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Reconstruction]:
    """The reconstructions of shapes, by stem: for each kind, the fixed view, and random views per shape.

    ``settings`` holds ``view_choices`` (pairs of a kind and ``fixed`` or ``random``), ``seed``, and the configuration's
    ``reconstruct`` and ``views``.
    """
    items = []
    for shape, (kind, choice) in itertools.product(shapes, settings["view_choices"]):
        indices = [settings["reconstruct"]["fixed_view"]]
        if choice == "random":
            rng = randomness.generator(shape, settings["seed"], f"random {kind} views")
            random_views = rng.choice(settings["views"][kind], settings["reconstruct"]["random_views"], replace=False)
            indices = sorted(random_views.tolist())
        items += [Reconstruction(shape, kind, choice, index) for index in indices]
    return {item.stem: item for item in items}


@dataclass
class Reconstructor:
    """Reconstructs shapes of a category from their views, with one model."""

    model: Model
    category: str
    archive_of: Mapping[str, Path]
    """The archive of each view, from ``archives.index``."""
    normalizations: Mapping[str, Normalization]
    isosurface: Mapping[str, int]
    """``resolution`` and ``coarse``, as in the configuration."""

    def view_bytes(self, item: Reconstruction) -> bytes:
        """The image that a reconstruction is made from."""
        return views.read_bytes(self.archive_of, self.category, item.shape, item.kind, item.view)

    def make(self, items: Sequence[Reconstruction], at_once: int) -> Iterator[tuple[str, dict[str, bytes]]]:
        """For each item, in order: its stem and its files, the mesh in ShapeNet's frame and its facts as JSON.

        Items of one image share its prediction if those of a shape follow one another: only predictions for the shapes
        of the batch are kept, to bound the memory.
        """
        predictions: dict[tuple[str, str, int], _Prediction] = {}
        for start in range(0, len(items), at_once):
            batch = items[start : start + at_once]
            shapes = {item.shape for item in batch}
            predictions = {key: prediction for key, prediction in predictions.items() if key[0] in shapes}
            new = {item.image_key: item for item in batch if item.image_key not in predictions}
            predictions |= self._predictions(list(new.values()))
            for item in batch:
                files = self._files(item, predictions[item.image_key])
                yield item.stem, {f"{item.stem}{suffix}": content for suffix, content in files.items()}

    def _predictions(self, batch: Sequence[Reconstruction]) -> dict[tuple[str, str, int], _Prediction]:
        """The prediction for each image, by ``image_key``."""
        if not batch:
            return {}
        start, image_size = time.monotonic(), self.model.image_size
        assert image_size is not None  # a model with an encoder has one
        pictures = [views.decode(self.view_bytes(item)) for item in batch]
        seen = [images.to_tensor(picture, image_size, self.model.crop_to_object) for picture in pictures]
        codes = self.model.encode(torch.stack(seen))
        meshes_unit = inference.meshes_of(self.model.decoder, codes, **self.isosurface)
        seconds = round((time.monotonic() - start) / len(batch), 3)
        return {
            item.image_key: _Prediction(code, mesh, seconds)
            for item, code, mesh in zip(batch, codes, meshes_unit, strict=True)
        }

    def _files(self, item: Reconstruction, prediction: _Prediction) -> dict[str, bytes]:
        """The files of an item, by suffix."""
        mesh = prediction.mesh_unit.copy()
        mesh.vertices = self.normalizations[item.shape].to_shapenet(mesh.vertices)
        if not len(mesh.faces):
            log.warning("%s: the network predicts no surface; this counts as a failure", item.stem)
        camera = cameras.described_view(
            views.read_cameras(self.archive_of, self.category, item.shape, item.kind), item.view
        )
        facts = {"views": item.choice, "view_kind": item.kind, "view": item.view}
        facts |= {"seconds": prediction.seconds, "code": prediction.code.tolist()}
        facts |= {"azimuth_deg": camera.azimuth_deg, "elevation_deg": camera.elevation_deg}
        files = {".ply": meshes.ply_bytes(mesh), ".json": json.dumps(facts).encode()}
        if item.choice == "fixed" and len(mesh.faces):  # for viewers; the measures read the PLY
            vertices = prediction.mesh_unit.vertices
            coordinates = correspondence.template_coordinates(self.model.decoder, prediction.code, vertices)
            files[".glb"] = meshes.glb_bytes(colours.painted(mesh, coordinates))
        return files

    def update(
        self,
        archive: Path,
        items: Mapping[str, Reconstruction],
        at_once: int,
        *sources: str | dict,
        lacking: Mapping[str, str] | None = None,
    ) -> None:
        """Remake stale reconstructions in an archive; each depends on ``sources``, its view and its normalization.

        ``lacking`` holds the shapes that an earlier stage could not use, each with the reason.
        """
        of_sources, digests = archives.digest(*sources), {}
        for stem, item in items.items():
            normalization = self.normalizations[item.shape]
            frame = json.dumps([normalization.offset.tolist(), normalization.scale])
            digests[stem] = archives.digest(of_sources, frame, self.view_bytes(item))
        archives.update(
            archive, digests, lambda stale: self.make([items[stem] for stem in stale], at_once), lacking=lacking
        )
