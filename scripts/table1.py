"""Table 1, from the measures of all test shapes."""

import pandas as pd
from template3d import files, logs
from template3d.report import tables

with logs.to(snakemake.log[0]) as log:
    metrics = pd.concat([pd.read_csv(file, dtype={"shape": str}) for file in snakemake.input.metrics])
    table = tables.summary(metrics, ("two_phase", "end_to_end", "template_only", "train_average"))
    failures = int((metrics["status"] == "no surface").sum())
    markdown = tables.markdown(table, "Table 1: Chamfer distance x 1000 on the test shapes", failures)
    files.write_text(snakemake.output.csv, table.to_csv(index=False))
    files.write_text(snakemake.output.markdown, markdown)
    log.info("\n%s", markdown)
