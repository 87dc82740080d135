"""The loss of every stage of a category's training, over its epochs."""

import json
from pathlib import Path

import pandas as pd
from template3d import logs
from template3d.report import figures

TERMS = ("total", "reconstruction", "pointwise", "pointpair")
STAGES = {
    "embeddings": ("phase 1: template, warp, codes", TERMS),
    "two_phase": ("phase 2: encoder", ("l1_per_entry",)),
    "contrastive": ("contrastive pretraining", ("total",)),
    "end_to_end": ("end to end", TERMS),
}

with logs.to(snakemake.log[0]):
    histories = {}
    for stage, file in zip(json.loads(snakemake.params.settings)["stages"], snakemake.input.histories, strict=True):
        name, terms = STAGES[stage]
        history = pd.read_csv(file)
        if len(history):  # a published experiment that stands in for phase 1 has none
            histories[name] = (history, terms)
    figures.loss_curves(Path(snakemake.output.figure), histories, snakemake.wildcards.category)
