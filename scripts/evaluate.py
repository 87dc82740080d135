"""Measure reconstructions against the ground truth: a row for each listed shape and view."""

import json
from pathlib import Path

import pandas as pd
from template3d.data import archives, ground_truth, manifests
from template3d.evaluation import metrics
from template3d.evaluation.camera_frame import Cameras
from template3d.geometry import meshes
from template3d.jobs.sealing import sealed_job
from template3d.runtime import files, randomness
from template3d.runtime.errors import InputError

with sealed_job(snakemake) as job:
    settings, wildcards = snakemake.params.settings, snakemake.wildcards
    archive = Path(snakemake.input.reconstructions)
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, snakemake.input.surfaces)
    truths = ground_truth.read(snakemake.input.surfaces, settings["synset"], shapes)
    normalizations = manifests.read(snakemake.input.manifests)
    made = sorted(name for name in archives.names(archive) if name.endswith(".ply"))
    count, directions = settings["evaluate"]["points"], settings["sdf"]["directions"]
    cameras = Cameras(wildcards.category, snakemake.input.views, snakemake.input.meshes)
    bad, rows = archives.failures(archive), []
    for shape in settings["shapes"]:
        same = {"category": wildcards.category, "shape": shape, "method": wildcards.method}
        of_shape = [name for name in made if name.startswith(f"{shape}/")]
        if shape not in truths or shape in bad:
            choices = [{"view_kind": kind, "views": choice} for kind, choice in settings["view_choices"]]
            rows += [same | choice | {"status": "bad mesh"} for choice in choices]
            continue
        if not of_shape:
            raise InputError(
                f"{archive}: holds no reconstruction of {shape}; delete it, and the next run makes it again"
            )
        for name in of_shape:
            facts = json.loads(archives.read(archive, name.replace(".ply", ".json")))
            mesh = meshes.read_ply(archives.read(archive, name))
            rng = randomness.generator(shape, settings["seed"], "evaluation")
            values, whole = metrics.measure(mesh, truths[shape], normalizations[shape].scale, count, directions, rng)
            values |= cameras.measured(mesh, shape, facts["view_kind"], facts["view"])
            facts.pop("code")
            rows.append(same | facts | values | {"status": "ok" if whole else "no surface"})
            job.log.info("%s: %s", name, values)
    files.write_text(snakemake.output.metrics, pd.DataFrame(rows).to_csv(index=False))
