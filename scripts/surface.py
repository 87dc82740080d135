"""Sample the visible surface of a shard's shapes, in ShapeNet's frame, and keep the way into the unit sphere."""

import json
from pathlib import Path

from template3d import archives, logs, manifests, meshes, shapenet, surfaces, visibility

with logs.to(snakemake.log[0]):
    settings = json.loads(snakemake.params.settings)
    files = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
    ways = manifests.read([snakemake.input.manifest])

    def make(shape: str) -> dict[str, bytes]:
        """The surface points and the normalisation of one shape."""
        synset = files[shape].parts[-4]
        rng = shapenet.generator(shape, settings["seed"], "surface")
        visible = visibility.visible_surface(meshes.load(files[shape]), settings["directions"])
        points, normals = meshes.sample_surface(visible, settings["surface"]["points"], rng)
        return {
            surfaces.member_name(synset, shape): surfaces.to_bytes(points, normals),
            surfaces.normalization_name(synset, shape): ways[shape].to_bytes(),
        }

    wanted = {shape: archives.digest(snakemake.params.settings, snakemake.params.code, files[shape]) for shape in ways}
    archives.update(Path(snakemake.output.archive), wanted, make)
