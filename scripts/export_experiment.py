"""Write phase 1 of a category as a Deep Implicit Templates experiment, which that project's programs read."""

from pathlib import Path

from template3d.jobs.sealing import sealed_job
from template3d.networks import deep_implicit_templates, models

with sealed_job(snakemake) as job:
    folder = Path(snakemake.output.specs).parent
    clamp = snakemake.params.settings["phase1"]["clamp"]
    deep_implicit_templates.save_deep_implicit_template(models.load_model(Path(snakemake.input.model)), folder, clamp)
    job.log.info("wrote %s", folder)
