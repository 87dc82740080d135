"""Measure reconstructions against the ground truth: a row for each listed shape and view."""

import json
from pathlib import Path

import pandas as pd
from template3d.data import archives, ground_truth, manifests
from template3d.evaluation import metrics
from template3d.geometry import meshes
from template3d.runtime import files, logs, randomness

with logs.to(snakemake.log[0]) as log:
    settings, wildcards = snakemake.params.settings, snakemake.wildcards
    archive = Path(snakemake.input.reconstructions)
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, snakemake.input.surfaces)
    truths = ground_truth.read(snakemake.input.surfaces, settings["synset"], shapes)
    normalizations = manifests.read(snakemake.input.manifests)
    made = sorted(name for name in archives.names(archive) if name.endswith(".ply"))
    count, directions = settings["evaluate"]["points"], settings["sdf"]["directions"]
    rows = []
    for shape in settings["shapes"]:
        same = {"category": wildcards.category, "shape": shape, "method": wildcards.method}
        of_shape = [name for name in made if name.startswith(f"{shape}/")]
        if shape not in truths or not of_shape:
            choices = [{"view_kind": kind, "views": choice} for kind, choice in settings["view_choices"]]
            rows += [same | choice | {"status": "bad mesh"} for choice in choices]
            continue
        for name in of_shape:
            facts = json.loads(archives.read(archive, name.replace(".ply", ".json")))
            mesh = meshes.read_ply(archives.read(archive, name))
            rng = randomness.generator(shape, settings["seed"], "evaluation")
            values, whole = metrics.measure(mesh, truths[shape], normalizations[shape].scale, count, directions, rng)
            facts.pop("code")
            rows.append(same | facts | values | {"status": "ok" if whole else "no surface"})
            log.info("%s: %s", name, values)
    files.write_text(snakemake.output.metrics, pd.DataFrame(rows).to_csv(index=False))
