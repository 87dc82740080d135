"""List the shapes that the data stages could not use, and why."""

from pathlib import Path

import pandas as pd
from template3d.data import archives, manifests
from template3d.rendering import protocols
from template3d.runtime import files, logs

STAGES = dict.fromkeys(protocols.KINDS, "render") | {"manifest": "prepare"}
COLUMNS = ["category", "split", "shape", "stage", "reason"]

with logs.to(snakemake.log[0]) as log:
    rows = []
    for file in map(Path, snakemake.input):
        category, split = file.parts[-3], file.parts[-2].partition("-")[0]
        found = manifests.failures([file]) if file.suffix == ".json" else archives.failures(file)
        stage = STAGES.get(file.stem, file.stem)
        rows += [(category, split, shape, stage, reason) for shape, reason in found.items()]
    table = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["category", "shape", "stage"]).sort_values(COLUMNS)
    files.write_text(snakemake.output.table, table.to_csv(index=False))
    failed = table.drop_duplicates(["category", "shape"])
    log.info("%d of %d listed shapes failed", len(failed), snakemake.params.listed)
