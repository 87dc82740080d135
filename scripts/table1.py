"""Table 1: the first method beside the baselines and published numbers."""

from io import StringIO
from pathlib import Path

import pandas as pd
from template3d.evaluation import tables
from template3d.evaluation.methods import BASELINES
from template3d.runtime import files, logs

TITLE = "Table 1: Chamfer distance x 1000 on the test shapes"

with logs.to(snakemake.log[0]) as log:
    settings = snakemake.params.settings
    metrics = pd.concat([tables.read_metrics(file) for file in snakemake.input.metrics])
    table = tables.summary(metrics, (settings["method"], *BASELINES))
    published = pd.read_csv(StringIO(settings["published"]))
    published = published[published["category"].isin(settings["categories"])]
    files.write_text(snakemake.output.csv, table.to_csv(index=False))
    files.write_text(snakemake.output.markdown, tables.markdown(table, TITLE, published))
    files.write_text(snakemake.output.latex, tables.latex(table, TITLE))
    log.info("\n%s", Path(snakemake.output.markdown).read_text())
