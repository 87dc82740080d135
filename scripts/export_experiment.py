"""Write phase 1 of a category as a Deep Implicit Templates experiment, which that project's own programs read."""

import json
from pathlib import Path

from template3d import interop, logs, models

with logs.to(snakemake.log[0]) as log:
    folder = Path(snakemake.output.specs).parent
    clamp = json.loads(snakemake.params.settings)["phase1"]["clamp"]
    interop.save_deep_implicit_template(models.load(Path(snakemake.input.model)), folder, clamp)
    log.info("wrote %s", folder)
