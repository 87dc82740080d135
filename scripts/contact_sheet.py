"""Two contact sheets of a category: all views of some shapes, and slices through their distances."""

from pathlib import Path

from template3d.jobs.sealing import sealed_job
from template3d.report import contact_sheets

with sealed_job(snakemake):
    settings = snakemake.params.settings
    views, samples, surfaces = (
        [Path(shard) for shard in snakemake.input[product]] for product in ("views", "sdf", "surface")
    )
    contact_sheets.views(Path(snakemake.output.views), views, snakemake.wildcards.category, settings["shapes"])
    sheet = Path(snakemake.output.distances)
    contact_sheets.distances(sheet, samples, surfaces, settings["synset"], settings["shapes"])
