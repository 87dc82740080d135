"""Reconstruct shapes of a category, each from one view at a time: meshes in ShapeNet's frame."""

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from template3d.data import archives, images, manifests, views
from template3d.geometry import meshes
from template3d.networks import models
from template3d.reconstruction import correspondence, inference
from template3d.rendering import cameras
from template3d.runtime import logs, randomness

AT_ONCE = 8
"""Meshes that share a GPU."""

settings, category = json.loads(snakemake.params.settings), snakemake.wildcards.category


class Wanted(NamedTuple):
    """One reconstruction: of a shape, from a view."""

    shape: str
    kind: str
    choice: str
    view: int

    @property
    def stem(self) -> str:
        """Its name in the archive."""
        return f"{self.shape}/{self.kind}_{self.choice}_{self.view:02d}"


def wanted_of(shape: str) -> Iterator[Wanted]:
    """From each kind of views: the fixed one, and some drawn for this shape."""
    for kind, choice in settings["looks"]:
        chosen = [settings["reconstruct"]["fixed_view"]]
        if choice == "random":
            count = settings["reconstruct"]["random_views"]
            rng = randomness.generator(shape, settings["seed"], f"random {kind} views")
            chosen = sorted(rng.choice(settings["views"][kind], count, replace=False).tolist())
        yield from (Wanted(shape, kind, choice, view) for view in chosen)


with logs.to(snakemake.log[0]) as log:
    torch.set_num_threads(snakemake.threads)
    model = models.load_model(Path(snakemake.input.model))
    shards = [Path(shard) for shard in snakemake.input.views]
    archive_of, normalizations = archives.index(shards), manifests.read(snakemake.input.manifests)
    gpu = bool(snakemake.config["training"]["gpus"])
    model.decoder.to("cuda" if gpu else "cpu")
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, shards)
    log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
    wanted = {item.stem: item for shape in shapes for item in wanted_of(shape)}

    def make(stale: list[str]) -> Iterator[tuple[str, dict[str, bytes]]]:
        """For each shape and view: the mesh, and what it was made from and in what time."""
        many = AT_ONCE if gpu else 1
        batches = ([wanted[stem] for stem in stale[start : start + many]] for start in range(0, len(stale), many))
        yield from itertools.chain.from_iterable(map(reconstructed, batches))

    def reconstructed(batch: list[Wanted]) -> Iterator[tuple[str, dict[str, bytes]]]:
        """The same for a batch that shares the device."""
        start = time.monotonic()
        pictures = [views.read_one(archive_of, category, item.shape, item.kind, item.view) for item in batch]
        codes = model.encode(torch.stack([images.to_tensor(picture, model.image_size) for picture in pictures]))
        found = inference.meshes_of(model.decoder, codes, **settings["meshing"])
        seconds = round((time.monotonic() - start) / len(batch), 3)
        for item, code, mesh in zip(batch, codes.tolist(), found, strict=True):
            in_template = correspondence.template_coordinates(model.decoder, torch.tensor(code), mesh.vertices)
            mesh.vertices = normalizations[item.shape].to_shapenet(mesh.vertices)
            if not len(mesh.faces):
                log.warning("%s: the network gives no surface; this counts as a failure", item.stem)
            cameras_of_shape = views.read_cameras(archive_of, category, item.shape, item.kind)
            camera = cameras.described_view(cameras_of_shape, item.view)
            facts = {"views": item.choice, "view_kind": item.kind, "view": item.view, "seconds": seconds, "code": code}
            facts |= {"azimuth_deg": camera.azimuth_deg, "elevation_deg": camera.elevation_deg}
            files = {".ply": meshes.ply_bytes(mesh), ".json": json.dumps(facts).encode()}
            if item.choice == "fixed" and len(mesh.faces):  # to look at; measures read the PLY
                mesh.visual.vertex_colors = correspondence.colours(in_template)
                files[".glb"] = meshes.glb_bytes(mesh)
            yield item.stem, {f"{item.stem}{suffix}": content for suffix, content in files.items()}

    same = archives.digest(json.dumps(settings["meshing"]), snakemake.params.code, Path(snakemake.input.model))
    sources = {
        stem: archives.digest(
            same,
            json.dumps([normalizations[item.shape].offset.tolist(), normalizations[item.shape].scale]),
            views.read_bytes(archive_of, category, item.shape, item.kind, item.view),
        )
        for stem, item in wanted.items()
    }
    archives.update(Path(snakemake.output.archive), sources, make)
