"""Table 2, the two variants on the same test shapes, from the measures of all of them."""

import pandas as pd
from template3d import files, logs
from template3d.report import tables

with logs.to(snakemake.log[0]) as log:
    metrics = pd.concat([pd.read_csv(file, dtype={"shape": str}) for file in snakemake.input.metrics])
    table = tables.summary(metrics, ("two_phase", "end_to_end"))
    failures = int((metrics["status"] == "no surface").sum())
    markdown = tables.markdown(table, "Table 2: two-phase against end-to-end training", failures)
    files.write_text(snakemake.output.csv, table.to_csv(index=False))
    files.write_text(snakemake.output.markdown, markdown)
    log.info("\n%s", markdown)
