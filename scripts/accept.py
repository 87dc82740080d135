"""Take results as current although their code changed, and print which."""

from pathlib import Path

from template3d.jobs.acceptance import accept

params = snakemake.params
taken, left = accept(Path(params.snakefile), Path.cwd(), snakemake.config, params.only)
lines = [*(f"accepted: {line}" for line in taken), *(f"not accepted: {line}" for line in left)]
print("\n".join(lines) or "Nothing to accept: no code changed since the results were made.", flush=True)
