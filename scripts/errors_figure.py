"""How errors are distributed, which shapes are worst, and how the error depends on the view."""

from pathlib import Path

import pandas as pd
from template3d.data import archives, views
from template3d.evaluation.methods import METHODS
from template3d.evaluation.tables import MEASURE, TITLES, read_metrics
from template3d.rendering import cameras
from template3d.rendering.blender import Studio
from template3d.report import figures
from template3d.report.pictures import Picture
from template3d.runtime import logs

SIZE = 224
WORST = 10
LABEL = "Chamfer distance x 1000"

with logs.to(snakemake.log[0]):
    settings = snakemake.params.settings
    category, kind, index = snakemake.wildcards.category, settings["kind"], settings["reconstruct"]["fixed_view"]
    metrics = pd.concat([read_metrics(file) for file in snakemake.input.metrics])
    scored = metrics[metrics[MEASURE].notna()]
    of_view = scored[(scored["view_kind"] == kind) | scored["view_kind"].isna()]

    first = of_view[of_view["views"].isna() | (of_view["views"] == "fixed")]
    errors = {TITLES[name]: rows[MEASURE].to_numpy() for name, rows in first.groupby("method", sort=False)}
    title = f"{category}: errors of the test shapes, fixed view"
    figures.distribution(Path(snakemake.output.distribution), errors, LABEL, title)

    seen = scored[scored["method"].isin(settings["methods"])]
    panels = {}
    for angle, name in (("azimuth_deg", "azimuth (degrees; 0 is the front)"), ("elevation_deg", "elevation (degrees)")):
        groups = seen.groupby(["method", "view_kind"], sort=False)
        panels[name] = {f"{METHODS[m].name}, {k} views": (r[angle], r[MEASURE]) for (m, k), r in groups}
    title = f"{category}: error against the angle of the view, test shapes"
    figures.against(Path(snakemake.output.angles), panels, LABEL, title)

    archive_of = archives.index([Path(shard) for shard in snakemake.input.views])
    mesh_files = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
    method = settings["methods"][0]
    reconstructions = {method: Path(snakemake.input.reconstructions)}
    picture = Picture(Studio(SIZE, samples=16, threads=snakemake.threads), [method])
    worst = first[first["method"] == method].nlargest(WORST, MEASURE)
    for shape, error in zip(worst["shape"], worst[MEASURE], strict=True):
        view = cameras.described_view(views.read_cameras(archive_of, category, shape, kind), index)
        image = views.read_one(archive_of, category, shape, kind, index)
        member = f"{shape}/{kind}_fixed_{index:02d}.ply"
        picture.add_shape(view, image, mesh_files[shape], reconstructions, member, f"{shape[:4]}: {error:.2f}")
    picture.save(Path(snakemake.output.worst))
