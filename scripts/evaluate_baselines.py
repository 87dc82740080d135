"""Measure what a reconstruction has to beat, and what bounds it, on the same shapes and by the same measures.

Without a view: the template by itself; a training shape picked blindly; the best training shape there is; a code fitted
to the true distances. From each view: the training shape whose code is nearest to the encoder's.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from template3d.data import archives, ground_truth, manifests
from template3d.evaluation import metrics, retrieval
from template3d.geometry import meshes
from template3d.networks import models
from template3d.runtime import files, logs, randomness

with logs.to(snakemake.log[0]) as log:
    settings = json.loads(snakemake.params.settings)
    synset, evaluate_settings = settings["synset"], settings["evaluate"]
    normalizations = manifests.read(snakemake.input.manifests)
    train, test = (
        manifests.usable(settings["splits"][split], snakemake.input.manifests, snakemake.input[f"{split}_surfaces"])
        for split in ("train", "test")
    )
    library = retrieval.Library.read(snakemake.input.train_surfaces, synset, train, normalizations, settings["seed"])
    blind = library.some(evaluate_settings["average_over"])
    truths = ground_truth.read(snakemake.input.test_surfaces, synset, test)
    template = meshes.read_ply(Path(snakemake.input.template).read_bytes())
    model = models.load_model(Path(snakemake.input.model))
    fitted, seen = Path(snakemake.input.fitted), Path(snakemake.input.reconstructions)

    def measured(mesh, shape: str) -> dict:
        """All measures of a mesh in ShapeNet's frame, as a row's part."""
        rng = randomness.generator(shape, settings["seed"], "evaluation")
        values, whole = metrics.measure(
            mesh, truths[shape], normalizations[shape].scale, evaluate_settings["points"], rng
        )
        return values | {"status": "ok" if whole else "no surface"}

    def retrieved(found: str, shape: str) -> dict:
        """All measures of a training shape that stands in for a test shape, sphere on sphere."""
        return retrieval.measured(library, found, truths[shape], normalizations[shape]) | {
            "retrieved": found,
            "status": "ok",
        }

    rows = []
    for shape in settings["splits"]["test"]:
        same = {"category": snakemake.wildcards.category, "shape": shape}
        if shape not in truths:
            methods = ("template_only", "train_average", "nearest_oracle", "code_fit", "nearest_code")
            rows += [same | {"method": method, "status": "bad mesh"} for method in methods]
            continue
        truth = truths[shape]
        placed = meshes.transformed(template, normalizations[shape].to_shapenet(template.vertices))
        average = 1000 * float(np.mean([metrics.chamfer(points, truth.points) for points in blind]))
        rows.append(same | {"method": "template_only"} | measured(placed, shape))
        rows.append(same | {"method": "train_average", "chamfer_shapenet_x1000": average, "status": "ok"})
        rows.append(
            same | {"method": "nearest_oracle"} | retrieved(library.nearest(truth, normalizations[shape]), shape)
        )
        fit = {"status": "bad mesh"}  # as are those that another data stage could not use
        if f"{shape}.ply" in archives.names(fitted):
            fit = measured(meshes.read_ply(archives.read(fitted, f"{shape}.ply")), shape)
        rows.append(same | {"method": "code_fit"} | fit)
        of_shape = [name for name in sorted(archives.names(seen)) if name.startswith(f"{shape}/")]
        rows += [same | {"method": "nearest_code", "status": "bad mesh"}] * (not of_shape)
        for name in of_shape:
            if name.endswith(".json"):
                facts = json.loads(archives.read(seen, name))
                found = retrieval.nearest_code(model, np.array(facts["code"]), train)
                facts = {key: facts[key] for key in ("views", "view_kind", "view", "azimuth_deg", "elevation_deg")}
                rows.append(same | {"method": "nearest_code"} | facts | retrieved(found, shape))
        log.info("%s: measured", shape)
    files.write_text(snakemake.output.metrics, pd.DataFrame(rows).to_csv(index=False))
