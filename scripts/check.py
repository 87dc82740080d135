"""Check the meshes of a shard and find the way of each into the unit sphere."""

import json
from pathlib import Path

from template3d import logs, manifests, meshes, sdf
from template3d.errors import InputError

with logs.to(snakemake.log[0]) as log:
    settings = json.loads(snakemake.params.settings)
    good, failed = {}, {}
    for shape, file in zip(settings["shapes"], map(Path, snakemake.input.meshes), strict=True):
        try:
            mesh = meshes.load(file)
            way = meshes.normalization(mesh)
            sdf.check_inside(meshes.transformed(mesh, way.to_unit(mesh.vertices)))
        except InputError as error:
            flaw = str(error).removeprefix(f"{file}: ")
            if settings["on_bad_mesh"] == "fail":
                raise InputError(f"{file}: {flaw}; fix the mesh or set on_bad_mesh: skip") from error
            failed[shape] = flaw
            log.warning("skipped: %s: %s", file, flaw)
        else:
            good[shape] = way
    manifests.write(Path(snakemake.output.manifest), good, failed)
    log.info("%d of %d meshes are fit for use", len(good), len(settings["shapes"]))
