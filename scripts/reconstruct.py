"""Reconstruct shapes of a category from one view each: a mesh per shape, in ShapeNet's frame."""

import json
import time
from pathlib import Path

import torch
from template3d import archives, logs, manifests, meshes, meshing, models, shapenet, views
from template3d.training import images

with logs.to(snakemake.log[0]) as log:
    torch.set_num_threads(snakemake.threads)
    settings = json.loads(snakemake.params.settings)
    category, choice = snakemake.wildcards.category, snakemake.wildcards.views
    chosen = settings["reconstruct"]
    model = models.load(Path(snakemake.input.model))
    shards = [Path(shard) for shard in snakemake.input.views]
    place = archives.index(shards)
    ways = manifests.read(snakemake.input.manifests)
    device = "cuda" if snakemake.config["training"]["gpus"] else "cpu"
    model.decoder.to(device)

    def make(shape: str) -> dict[str, bytes]:
        """The mesh of one shape, and from which view and in what time it was made."""
        if choice == "fixed":
            index = chosen["fixed_view"]
        else:
            rng = shapenet.generator(shape, settings["seed"], "random view")
            index = int(rng.integers(settings["views"][chosen["views"]]))
        image = views.read_one(place, category, shape, chosen["views"], index)
        start = time.monotonic()
        code = model.encode(images.to_tensor(image, model.image_size)[None]).to(device)
        mesh = meshing.reconstruct(
            lambda points: model.decoder.signed_distance(code, points[None].to(device))[0], **settings["meshing"]
        )
        seconds = round(time.monotonic() - start, 3)
        mesh.vertices = ways[shape].to_shapenet(mesh.vertices)
        if not len(mesh.faces):
            log.warning("%s: the network gives no surface; this counts as a failure", shape)
        facts = {"shape": shape, "view_kind": chosen["views"], "view": index, "seconds": seconds}
        return {f"{shape}.ply": meshes.ply_bytes(mesh), f"{shape}.json": json.dumps(facts).encode()}

    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, shards)
    log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
    sources = archives.digest(snakemake.params.settings, snakemake.params.code, Path(snakemake.input.model))
    archives.update(
        Path(snakemake.output.archive),
        dict.fromkeys(shapes, sources),
        lambda stale: ((shape, make(shape)) for shape in stale),
    )
