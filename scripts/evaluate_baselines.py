"""Measure what needs no photo: the template by itself, and a training shape picked blindly."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from template3d import files, logs, manifests, meshes, metrics, shapenet, surfaces

with logs.to(snakemake.log[0]) as log:
    settings = json.loads(snakemake.params.settings)
    synset, asked = settings["synset"], settings["evaluate"]
    ways = manifests.read(snakemake.input.manifests)
    train, test = (
        manifests.usable(settings["splits"][split], snakemake.input.manifests, snakemake.input[f"{split}_surfaces"])
        for split in ("train", "test")
    )
    if len(train) > asked["average_over"]:
        rng = np.random.default_rng(settings["seed"])
        train = sorted(rng.choice(train, asked["average_over"], replace=False))
    train_truths = surfaces.read(snakemake.input.train_surfaces, synset, train)
    test_truths = surfaces.read(snakemake.input.test_surfaces, synset, test)
    template = meshes.read_ply(Path(snakemake.input.template).read_bytes())
    rows = []
    for shape in settings["splits"]["test"]:
        measured = {"template_only": {"status": "bad mesh"}, "train_average": {"status": "bad mesh"}}
        if shape in test_truths:
            truth = test_truths[shape]
            rng = shapenet.generator(shape, settings["seed"], "evaluation")
            placed = meshes.transformed(template, ways[shape].to_shapenet(template.vertices))
            value, whole = metrics.chamfer_shapenet_x1000(placed, truth, asked["points"], rng)
            blind = 1000 * float(np.mean([metrics.chamfer(points, truth) for points in train_truths.values()]))
            measured = {
                "template_only": {"chamfer_shapenet_x1000": value, "status": "ok" if whole else "no surface"},
                "train_average": {"chamfer_shapenet_x1000": blind, "status": "ok"},
            }
        for method, row in measured.items():
            rows.append({"category": snakemake.wildcards.category, "shape": shape, "method": method, **row})
        log.info("%s: %s", shape, measured)
    files.write_text(snakemake.output.metrics, pd.DataFrame(rows).to_csv(index=False))
