"""Render the views of one kind of a shard's shapes."""

from pathlib import Path

from template3d.data import archives, manifests, materials, prepared_meshes, shapenet
from template3d.jobs import render
from template3d.runtime import logs, workers
from template3d.runtime.limits import Limits

THREADS = 2
"""Threads of one Blender; more of them help less than a second Blender does."""

if __name__ == "__main__":
    with logs.to(snakemake.log[0]):
        settings, prepared = snakemake.params.settings, Path(snakemake.input.meshes)
        members, root = prepared_meshes.members(prepared), shapenet.root_of(snakemake.config)
        files = {shape: shapenet.mesh_file(root, *prepared_meshes.ids(member)) for shape, member in members.items()}
        blenders = max(1, snakemake.threads // THREADS)
        fixed = (snakemake.threads // blenders, settings, Limits(**snakemake.config["limits"]))
        shown = (snakemake.wildcards.category, snakemake.wildcards.kind, prepared)

        def make(shapes):
            """The views of shapes and their cameras."""
            tasks = ((shape, (*shown, members[shape], files[shape], *fixed)) for shape in shapes)
            return workers.each(render.one_shape, tasks, blenders)

        code, contents = snakemake.params.code, prepared_meshes.digests(prepared)
        wanted = {
            shape: archives.digest(settings, code, contents[shape], *materials.files(files[shape]))
            for shape in manifests.read([snakemake.input.manifest])
        }
        archives.update(Path(snakemake.output.archive), wanted, make, snakemake.config["on_bad_mesh"])
