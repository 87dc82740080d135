"""Render the views of one kind of a shard's shapes."""

from pathlib import Path

from template3d.data import archives, manifests
from template3d.jobs import render
from template3d.runtime import logs, workers
from template3d.runtime.limits import Limits

THREADS = 2
"""Threads of one Blender; more of them help less than a second Blender does."""

if __name__ == "__main__":
    with logs.to(snakemake.log[0]):
        settings = snakemake.params.settings
        files = {Path(file).parts[-3]: Path(file) for file in snakemake.input.meshes}
        materials = {shape: [] for shape in files}
        for file in map(Path, snakemake.input.materials):
            materials[file.parts[-3]].append(file)
        shown = (snakemake.wildcards.category, snakemake.wildcards.kind)
        blenders = max(1, snakemake.threads // THREADS)
        threads = snakemake.threads // blenders

        limits = Limits(**snakemake.config["limits"])

        def make(shapes):
            """The views of shapes and their cameras."""
            tasks = ((shape, (*shown, files[shape], threads, settings, limits)) for shape in shapes)
            return workers.each(render.one_shape, tasks, blenders)

        wanted = {
            shape: archives.digest(snakemake.params.settings, snakemake.params.code, files[shape], *materials[shape])
            for shape in manifests.read([snakemake.input.manifest])
        }
        archives.update(Path(snakemake.output.archive), wanted, make, snakemake.config["on_bad_mesh"])
