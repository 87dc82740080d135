"""Check the meshes of a shard and find the normalization of each."""

from pathlib import Path

from template3d.data import manifests, shapenet
from template3d.jobs import check
from template3d.runtime import logs, workers
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

if __name__ == "__main__":
    with logs.to(snakemake.log[0]) as log:
        settings = snakemake.params.settings
        files = {shapenet.ids(Path(mesh))[1]: Path(mesh) for mesh in snakemake.input.meshes}
        good, failed = {}, {shape: "the folder has no mesh of it" for shape in settings["shapes"] if shape not in files}
        limits = Limits(**snakemake.config["limits"])
        tasks = ((shape, (file, settings["sdf"]["directions"], limits)) for shape, file in files.items())
        for shape, found in workers.each(check.one_shape, tasks, snakemake.threads):
            if not isinstance(found, InputError):
                good[shape] = found
                continue
            flaw = str(found).removeprefix(f"{files[shape]}: ")
            if snakemake.config["on_bad_mesh"] == "fail":
                raise InputError(f"{files[shape]}: {flaw}; fix the mesh or set on_bad_mesh: skip")
            failed[shape] = flaw
            log.warning("skipped: %s: %s", files[shape], flaw)
        manifests.write(Path(snakemake.output.manifest), good, failed)
        log.info("%d of %d meshes are fit for use", len(good), len(settings["shapes"]))
