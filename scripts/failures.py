"""List the shapes that the data stages could not use, and why."""

from pathlib import Path

from template3d.jobs.sealing import sealed_job
from template3d.report.failures import failed_shapes, failures_table
from template3d.runtime import files

with sealed_job(snakemake) as job:
    left_out = snakemake.params.left_out["left_out"]
    table = failures_table(map(Path, snakemake.input), left_out)
    files.write_text(snakemake.output.table, table.to_csv(index=False))
    total = snakemake.params.listed + sum(map(len, left_out.values()))
    job.log.info("%d of %d listed shapes failed", failed_shapes(table), total)
