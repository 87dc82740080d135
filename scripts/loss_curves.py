"""The loss of both phases of a category, over their epochs."""

from pathlib import Path

import pandas as pd
from template3d import logs
from template3d.report import figures

with logs.to(snakemake.log[0]):
    histories = {
        "phase 1: template, warp, codes": (
            pd.read_csv(snakemake.input.embeddings),
            ("total", "reconstruction", "pointwise", "pointpair"),
        ),
        "phase 2: encoder": (pd.read_csv(snakemake.input.encoder), ("l1_per_entry",)),
    }
    figures.loss_curves(Path(snakemake.output.figure), histories, snakemake.wildcards.category)
