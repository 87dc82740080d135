"""Read, check and measure the meshes of a shard, each once, and find their normalizations."""

from pathlib import Path

from template3d.data import archives, manifests, mesh_folders, prepared_meshes
from template3d.data.mesh_folders import MeshFolder
from template3d.jobs import prepare
from template3d.jobs.sealing import sealed_job
from template3d.runtime import workers
from template3d.runtime.limits import Limits

if __name__ == "__main__":
    with sealed_job(snakemake) as job:
        settings, archive = snakemake.params.settings, Path(snakemake.output.archive)
        folder, synset, shapes = MeshFolder.of(snakemake.config), settings["synset"], settings["shapes"]
        locations = folder.locations(snakemake.wildcards.category, synset, shapes)
        limits = Limits(**snakemake.config["limits"])
        fixed = (folder, settings["sdf"]["directions"], limits)

        def make(stale):
            """The triangles and measures of shapes."""
            tasks = ((shape, (locations[shape], synset, shape, *fixed)) for shape in stale)
            return workers.each(prepare.one_shape, tasks, snakemake.threads, minutes=limits.shape_minutes)

        depends = archives.digest({"sdf": settings["sdf"], "meshes": settings["meshes"]}, snakemake.params.code)
        wanted = {shape: archives.digest(depends, *mesh_folders.identity(found)) for shape, found in locations.items()}
        archives.update(archive, wanted, make, snakemake.config["on_bad_mesh"])
        good, failed = prepared_meshes.entries(archive), archives.failures(archive)
        for shape, fault in settings["known_faults"].items():
            job.log.warning("%s: known fault: %s", shape, fault)
            if shape in good:
                good[shape]["known_fault"] = fault
        failed |= {shape: "the folder has no mesh of it" for shape in shapes if shape not in locations}
        manifests.write(Path(snakemake.output.manifest), good, failed)
        job.log.info("%d of %d meshes are fit for use", len(good), len(shapes))
