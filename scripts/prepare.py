"""Read, check and measure the meshes of a shard, each once, and find their normalizations."""

from pathlib import Path

from template3d.data import archives, manifests, prepared_meshes, shapenet
from template3d.jobs import prepare
from template3d.runtime import logs, workers
from template3d.runtime.limits import Limits

if __name__ == "__main__":
    with logs.to(snakemake.log[0]) as log:
        settings, archive = snakemake.params.settings, Path(snakemake.output.archive)
        files = {shapenet.ids(Path(mesh))[1]: Path(mesh) for mesh in snakemake.input.meshes}
        directions, limits = settings["sdf"]["directions"], Limits(**snakemake.config["limits"])

        def make(shapes):
            """The triangles and measures of shapes."""
            tasks = ((shape, (files[shape], directions, limits)) for shape in shapes)
            return workers.each(prepare.one_shape, tasks, snakemake.threads)

        wanted = {shape: archives.digest(settings["sdf"], snakemake.params.code, file) for shape, file in files.items()}
        archives.update(archive, wanted, make, snakemake.config["on_bad_mesh"])
        good, failed = prepared_meshes.entries(archive), archives.failures(archive)
        for shape, fault in settings["known_faults"].items():
            log.warning("%s: known fault: %s", shape, fault)
            if shape in good:
                good[shape]["known_fault"] = fault
        failed |= {shape: "the folder has no mesh of it" for shape in settings["shapes"] if shape not in files}
        manifests.write(Path(snakemake.output.manifest), good, failed)
        log.info("%d of %d meshes are fit for use", len(good), len(settings["shapes"]))
