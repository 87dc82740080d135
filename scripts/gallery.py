"""The gallery: template, views, ground truth and reconstructions to rotate, tables and figures, in one file."""

from pathlib import Path

import pandas as pd
from template3d.data import archives
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.methods import METHODS
from template3d.evaluation.tables import MEASURE, of_fixed_view
from template3d.jobs.sealing import sealed_job
from template3d.report import gallery
from template3d.runtime import files

FIGURES = {"": "views, truth, reconstructions", "_template": "template", "_losses": "losses", "_codes": "codes"}
FIGURES |= {"_errors": "errors", "_worst": "worst shapes", "_angles": "error against view angle"}

with sealed_job(snakemake) as job:
    settings, results = snakemake.params.settings, Path("results")
    methods, kind = settings["methods"], settings["kind"]
    archive_of = archives.index([Path(shard) for shard in snakemake.input.views])
    categories = {}
    for category in settings["categories"]:
        content = gallery.CategoryContent(
            category,
            archive_of,
            PreparedMeshes(shard for shard in snakemake.input.meshes if Path(shard).parts[-3] == category),
            {method: results / "reconstructions" / category / method / "test.zip" for method in methods},
            {method: of_fixed_view(results / f"metrics/{category}/{method}_test.csv", kind) for method in methods},
            kind,
            settings["reconstruct"]["fixed_view"],
        )
        categories[category] = content.collect(
            settings["shapes"][category],
            {method: results / "templates" / category / f"{method}.ply" for method in methods},
            {name: results / "pictures" / f"{category}{end}.png" for end, name in FIGURES.items()},
        )
    tables = {f"Table {number}": pd.read_csv(results / f"tables/table{number}.csv") for number in (1, 2)}
    tables = {name: table[table["measure"] == MEASURE].round(3) for name, table in tables.items()}
    data = {"names": {method: METHODS[method].name for method in methods}, "categories": categories}
    files.write_text(snakemake.output.page, gallery.page(data, tables))
    job.log.info("%.1f MB", Path(snakemake.output.page).stat().st_size / 1e6)
