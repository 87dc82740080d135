"""Run the whole workflow with several seeds, and write how much its results differ."""

from pathlib import Path

import pandas as pd
from template3d.evaluation import seeds
from template3d.jobs.seeds import SeedRuns
from template3d.runtime import files

params = snakemake.params
runs = SeedRuns(Path(params.snakefile), snakemake.config, params.shapes, snakemake.threads)
folders = [Path("results/seeds") / str(seed) for seed in range(params.runs)]
if params.elsewhere:
    runs.refuse_to_run_here(folders)
summary = seeds.summary({int(folder.name): pd.read_csv(runs.run(folder)) for folder in folders})
text = seeds.markdown(summary, params.runs)
files.write_text("results/tables/seeds.csv", summary.to_csv(index=False))
files.write_text("results/tables/seeds.md", text)
print(text, flush=True)
