"""The loss of every training stage of a category by epoch; for end-to-end training also by start (Figure 5)."""

from pathlib import Path

import pandas as pd
from template3d.jobs.sealing import sealed_job
from template3d.report import figures

TERMS = ("total", "reconstruction", "pointwise", "pointpair")
STAGES = {
    "embeddings": ("phase 1: template, warp, codes", TERMS),
    "two_phase": ("phase 2: encoder", ("l1_per_entry",)),
    "contrastive": ("contrastive pretraining", ("total",)),
    "end_to_end": ("end to end", TERMS),
}

with sealed_job(snakemake):
    settings = snakemake.params.settings
    found = {
        stage: pd.read_csv(file) for stage, file in zip(settings["stages"], snakemake.input.histories, strict=True)
    }
    histories = {
        name: (found[stage], terms)
        for stage, (name, terms) in STAGES.items()
        if stage in found and len(found[stage])  # a published experiment that stands in for phase 1 has no rows
    }
    if starts := {stage: start for stage, start in settings["starts"].items() if stage in found}:
        names = {run: f"{start.replace('none', 'random')} start" for run, start in starts.items()}
        together = pd.DataFrame({name: found[run]["reconstruction"] for run, name in names.items()})
        together["epoch"] = found["end_to_end"]["epoch"]
        histories["end to end: reconstruction, by start"] = (together, list(names.values()))
    for name, (history, terms) in histories.items():
        held_out = [f"validation_{term}" for term in terms if f"validation_{term}" in history]
        histories[name] = (history, [*terms, *held_out[-1:]])
    figures.loss_curves(Path(snakemake.output.figure), histories, snakemake.wildcards.category)
