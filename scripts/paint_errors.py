"""Paint the errors of reconstructions from the fixed views: precision on their meshes, recall on the ground truth."""

from pathlib import Path

from template3d.data import archives, ground_truth, manifests
from template3d.geometry import meshes
from template3d.jobs.sealing import sealed_job
from template3d.report import painted_errors
from template3d.runtime import randomness

with sealed_job(snakemake) as job:
    settings, archive = snakemake.params.settings, Path(snakemake.input.reconstructions)
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, snakemake.input.surfaces)
    truths = ground_truth.read(snakemake.input.surfaces, settings["synset"], shapes)
    fixed = sorted(name for name in archives.names(archive) if name.endswith(".ply") and "_fixed_" in name)
    meshes_of = {shape: [name for name in fixed if name.startswith(f"{shape}/")] for shape in shapes}

    def make(stale: list[str]):
        """For each shape, the files of its reconstructions from the fixed views."""
        for shape in stale:
            painted = {}
            for name in meshes_of[shape]:
                mesh = meshes.read_ply(archives.read(archive, name))
                if not len(mesh.faces):
                    job.log.warning("%s: has no surface to paint", name)
                    continue
                rng = randomness.generator(shape, settings["seed"], "evaluation")
                files = painted_errors.files(mesh, truths[shape].points, settings["evaluate"]["points"], rng)
                painted |= {f"{name.removesuffix('.ply')}_{end}": content for end, content in files.items()}
            yield shape, painted

    sources = {
        shape: archives.digest(
            {"evaluate": settings["evaluate"], "seed": settings["seed"]},
            snakemake.params.code,
            truths[shape].points.tobytes(),
            *(archives.read(archive, name) for name in meshes_of[shape]),
        )
        for shape in shapes
    }
    lacking = manifests.lacking(settings["shapes"], shapes)
    archives.update(Path(snakemake.output.archive), sources, make, lacking=lacking)
