"""Render the views of a category's synthetic shapes, of all kinds that phase 2 learns from."""

from pathlib import Path

from template3d.data import archives
from template3d.jobs import synthetic_views
from template3d.jobs.sealing import sealed_job
from template3d.runtime import workers

if __name__ == "__main__":
    with sealed_job(snakemake):
        settings, archive = snakemake.params.settings, Path(snakemake.input.shapes)
        category, kinds = snakemake.wildcards.category, settings["phase2"]["views"]
        minutes = snakemake.config["limits"]["shape_minutes"]

        def make(stale):
            """The views of shapes."""
            tasks = ((shape, (category, kinds, archive, shape, settings)) for shape in stale)
            return workers.each(synthetic_views.one_shape, tasks, snakemake.threads, minutes=minutes)

        source = archives.digest(settings, snakemake.params.code)
        wanted = {
            Path(member).stem: archives.digest(source, content) for member, content in archives.members(archive, ".npz")
        }
        # a random shape that no view shows is no fault of the user's
        archives.update(Path(snakemake.output.archive), wanted, make, on_failure="skip")
