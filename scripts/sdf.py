"""Sample the signed distances of a shard's shapes."""

import json
from pathlib import Path

from template3d import archives, logs, manifests, meshes, samples, sdf, shapenet

with logs.to(snakemake.log[0]):
    settings = json.loads(snakemake.params.settings)
    files = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
    ways = manifests.read([snakemake.input.manifest])

    def make(shape: str) -> dict[str, bytes]:
        """The samples of one shape, in the unit sphere."""
        mesh = meshes.load(files[shape])
        mesh = meshes.transformed(mesh, ways[shape].to_unit(mesh.vertices))
        rng = shapenet.generator(shape, settings["seed"], "distances")
        drawn = sdf.sample(mesh, rng=rng, **settings["sdf"])
        return {samples.member_name(files[shape].parts[-4], shape): samples.to_bytes(drawn)}

    wanted = {shape: archives.digest(snakemake.params.settings, snakemake.params.code, files[shape]) for shape in ways}
    archives.update(Path(snakemake.output.archive), wanted, make)
