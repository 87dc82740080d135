"""Print, for every job that would run, the reason in one line; or that nothing is stale."""

from pathlib import Path

from template3d.jobs.staleness import stale_jobs

jobs = stale_jobs(Path(snakemake.params.snakefile), Path.cwd(), snakemake.config)
print("\n".join(map(str, jobs)) or "Nothing is stale.", flush=True)
