"""The table of correspondence over all categories, and the figure of the PCK."""

from pathlib import Path

import pandas as pd
from template3d.evaluation import correspondence, tables
from template3d.jobs.sealing import sealed_job
from template3d.report import figures
from template3d.runtime import files

with sealed_job(snakemake) as job:
    table = correspondence.summary(pd.concat([tables.read_metrics(file) for file in snakemake.input.metrics]))
    text = correspondence.markdown(table)
    files.write_text(snakemake.output.csv, table.to_csv(index=False))
    files.write_text(snakemake.output.markdown, text)
    curves, label = correspondence.curves(table), "distance (ShapeNet units, diagonal 1)"
    figures.curves(Path(snakemake.output.picture), curves, label, "share of keypoints nearer than this")
    job.log.info("\n%s", text)
