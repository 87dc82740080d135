"""Collect the measures of all shapes, and count the test shapes that equal a training shape."""

from pathlib import Path

from template3d.jobs.sealing import sealed_job
from template3d.report.shapes_table import leaked, shapes_table
from template3d.runtime import files

with sealed_job(snakemake) as job:
    table = shapes_table(list(map(Path, snakemake.input.manifests)), list(map(Path, snakemake.input.sdf)))
    files.write_text(snakemake.output.table, table.to_csv(index=False))
    for category, count in leaked(table).items():
        job.log.warning("%s: test shapes with the same triangles as a training shape: %d", category, count)
    faults = table["known_fault"].notna().sum()
    job.log.info("%d shapes, %d with a known fault; %s", len(table), faults, snakemake.output.table)
