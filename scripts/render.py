"""Render the views of one kind of a shard's shapes."""

from pathlib import Path

from template3d.data import archives, manifests, prepared_meshes
from template3d.data.mesh_folders import MeshFolder
from template3d.jobs import render
from template3d.jobs.sealing import sealed_job
from template3d.runtime import workers
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

THREADS = 2
"""Threads of one Blender; more of them help less than a second Blender does."""

if __name__ == "__main__":
    with sealed_job(snakemake):
        settings, code, prepared = snakemake.params.settings, snakemake.params.code, Path(snakemake.input.meshes)
        category, members = snakemake.wildcards.category, prepared_meshes.members(prepared)
        synsets = {prepared_meshes.ids(member)[0] for member in members.values()}
        folder, limits = MeshFolder.of(snakemake.config), Limits(**snakemake.config["limits"])
        locations = {k: v for synset in synsets for k, v in folder.locations(category, synset, members).items()}
        blenders = max(1, snakemake.threads // THREADS)
        fixed = (snakemake.threads // blenders, settings, limits)

        def make(stale):
            """The views of shapes and their cameras."""
            shown = (category, snakemake.wildcards.kind, prepared)
            tasks = ((shape, (*shown, members[shape], locations[shape], *fixed)) for shape in stale)
            return workers.each(render.one_shape, tasks, blenders, minutes=limits.shape_minutes)

        mesh_digests = prepared_meshes.digests(prepared)
        good = manifests.read([snakemake.input.manifest])
        for shape in good.keys() - locations.keys():
            raise InputError(f"{shape}: {folder.root} has its mesh no longer; run snakemake again")
        tasks = ((shape, (prepared, members[shape], locations[shape], limits)) for shape in good)
        appearances = workers.each(render.appearance, tasks, snakemake.threads, minutes=limits.shape_minutes)
        wanted = {
            shape: archives.digest(settings, code, mesh_digests[shape], str(appearance))
            for shape, appearance in appearances  # of an error, its sentence; ``one_shape`` raises it again
        }
        archives.update(Path(snakemake.output.archive), wanted, make, snakemake.config["on_bad_mesh"])
