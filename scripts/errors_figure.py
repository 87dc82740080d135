"""How errors are distributed, which shapes are worst, and how the error depends on the view."""

from pathlib import Path

import pandas as pd
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.tables import MEASURE, read_metrics
from template3d.jobs.sealing import sealed_job
from template3d.rendering.blender import Studio
from template3d.report import errors, figures
from template3d.report.pictures import Picture

SIZE = 224
WORST = 10
LABEL = "Chamfer distance x 1000"

with sealed_job(snakemake):
    settings, category = snakemake.params.settings, snakemake.wildcards.category
    metrics = pd.concat([read_metrics(file) for file in snakemake.input.metrics])
    fixed = errors.of_fixed_view(metrics, settings["kind"])
    title = f"{category}: errors of the test shapes, fixed view"
    figures.distribution(Path(snakemake.output.distribution), errors.by_method(fixed), LABEL, title)
    title = f"{category}: error against the angle of the view, test shapes"
    figures.against(Path(snakemake.output.angles), errors.by_angle(metrics, settings["methods"]), LABEL, title)

    method = settings["methods"][0]
    picture = Picture(Studio(SIZE, samples=16, threads=snakemake.threads), [method])
    worst = fixed[fixed["method"] == method].nlargest(WORST, MEASURE)
    truths = PreparedMeshes(snakemake.input.meshes)
    reconstructions = {method: Path(snakemake.input.reconstructions)}
    errors.add_worst(picture, category, worst, map(Path, snakemake.input.views), truths, reconstructions)
    picture.save(Path(snakemake.output.worst))
