"""One look at the data of a category: all views of some shapes, and slices through their distances."""

import json
from pathlib import Path

from template3d.report import contact_sheets
from template3d.runtime import logs

with logs.to(snakemake.log[0]):
    settings = json.loads(snakemake.params.settings)
    category, synset, shapes = snakemake.wildcards.category, settings["synset"], settings["shapes"]
    archives = {
        product: [Path(shard) for shard in snakemake.input[product]] for product in ("easy", "hard", "sdf", "surface")
    }
    contact_sheets.views(Path(snakemake.output.views), archives, category, shapes)
    contact_sheets.distances(Path(snakemake.output.distances), archives, synset, shapes)
