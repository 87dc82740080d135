"""Say for every job that would run why it would: one line each, or that nothing is stale."""

from pathlib import Path

from template3d.jobs.staleness import stale_jobs

jobs = stale_jobs(Path(snakemake.params.snakefile), Path.cwd(), snakemake.config)
print("\n".join(map(str, jobs)) or "Nothing is stale.", flush=True)
