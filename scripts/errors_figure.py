"""How errors are distributed, which shapes are worst, and how the error depends on the view."""

import json
from pathlib import Path

import pandas as pd
from template3d.data import archives, views
from template3d.evaluation.tables import MEASURE, METHODS
from template3d.geometry import meshes
from template3d.rendering import cameras
from template3d.rendering.blender import Studio
from template3d.report import figures
from template3d.runtime import logs

SIZE = 224
WORST = 10
LABEL = "Chamfer distance x 1000"

with logs.to(snakemake.log[0]):
    settings = json.loads(snakemake.params.settings)
    category, kind, index = snakemake.wildcards.category, settings["kind"], settings["reconstruct"]["fixed_view"]
    metrics = pd.concat([pd.read_csv(file, dtype={"shape": str}) for file in snakemake.input.metrics])
    scored = metrics[metrics[MEASURE].notna()]
    of_view = scored[(scored["view_kind"] == kind) | scored["view_kind"].isna()]

    first = of_view[of_view["views"].isna() | (of_view["views"] == "fixed")]
    errors = {METHODS[name]: rows[MEASURE].to_numpy() for name, rows in first.groupby("method", sort=False)}
    title = f"{category}: errors of the test shapes, fixed view"
    figures.distribution(Path(snakemake.output.distribution), errors, LABEL, title)

    seen = scored[scored["method"].isin(settings["methods"])]
    panels = {}
    for angle, name in (("azimuth_deg", "azimuth (degrees; 0 is the front)"), ("elevation_deg", "elevation (degrees)")):
        groups = seen.groupby(["method", "view_kind"], sort=False)
        panels[name] = {f"{m.replace('_', '-')}, {k} views": (r[angle], r[MEASURE]) for (m, k), r in groups}
    title = f"{category}: error against the angle of the view, test shapes"
    figures.against(Path(snakemake.output.angles), panels, LABEL, title)

    archive_of = archives.index([Path(shard) for shard in snakemake.input.views])
    truths = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
    worst = first[first["method"] == settings["methods"][0]].nlargest(WORST, MEASURE)
    studio, archive = Studio(SIZE, samples=16, threads=snakemake.threads), Path(snakemake.input.reconstructions)
    rows = {"rgb": [], "ground truth": [], "reconstruction": []}
    for shape in worst["shape"]:
        view = cameras.described_view(views.read_cameras(archive_of, category, shape, kind), index)
        rows["rgb"].append(views.read_one(archive_of, category, shape, kind, index))
        rows["ground truth"].append(studio.picture(meshes.load(truths[shape]), view))
        made = meshes.read_ply(archives.read(archive, f"{shape}/{kind}_fixed_{index:02d}.ply"))
        rows["reconstruction"].append(studio.picture(made, view))
    titles = [f"{row.shape[:4]}: {getattr(row, MEASURE):.2f}" for row in worst.itertuples()]
    figures.picture_rows(Path(snakemake.output.worst), rows, titles)
