"""Table 2: the two methods, on the same test shapes and views."""

from pathlib import Path

import pandas as pd
from template3d.evaluation import tables
from template3d.jobs.sealing import sealed_job
from template3d.runtime import files

METHODS = ("two_phase", "end_to_end")
TITLE = "Table 2: two-phase against end-to-end training, Chamfer distance x 1000"

with sealed_job(snakemake) as job:
    metrics = pd.concat([tables.read_metrics(file) for file in snakemake.input.metrics])
    table = tables.summary(metrics, METHODS)
    files.write_text(snakemake.output.csv, table.to_csv(index=False))
    files.write_text(snakemake.output.markdown, tables.markdown(table, TITLE))
    files.write_text(snakemake.output.latex, tables.latex(table, TITLE))
    job.log.info("\n%s", Path(snakemake.output.markdown).read_text())
