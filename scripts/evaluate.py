"""Measure reconstructions against the truth: a row for each listed shape."""

import json
from pathlib import Path

import pandas as pd
from template3d import archives, files, logs, manifests, meshes, metrics, shapenet, surfaces

with logs.to(snakemake.log[0]) as log:
    settings = json.loads(snakemake.params.settings)
    archive = Path(snakemake.input.reconstructions)
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, snakemake.input.surfaces)
    truths = surfaces.read(snakemake.input.surfaces, settings["synset"], shapes)
    made = archives.names(archive)
    rows = []
    for shape in settings["shapes"]:
        row = {"category": snakemake.wildcards.category, "shape": shape, "method": snakemake.wildcards.method}
        row["views"] = snakemake.wildcards.views
        if shape in truths and f"{shape}.ply" in made:
            facts = json.loads(archives.read(archive, f"{shape}.json"))
            mesh = meshes.read_ply(archives.read(archive, f"{shape}.ply"))
            rng = shapenet.generator(shape, settings["seed"], "evaluation")
            value, whole = metrics.chamfer_shapenet_x1000(mesh, truths[shape], settings["evaluate"]["points"], rng)
            row |= {"view_kind": facts["view_kind"], "view": facts["view"], "chamfer_shapenet_x1000": value}
            row |= {"seconds": facts["seconds"], "status": "ok" if whole else "no surface"}
        else:
            row["status"] = "bad mesh"
        rows.append(row)
        log.info("%s: %s", shape, row)
    files.write_text(snakemake.output.metrics, pd.DataFrame(rows).to_csv(index=False))
