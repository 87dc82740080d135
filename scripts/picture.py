"""The picture of a category: view, ground truth and reconstruction of some shapes and photos; and its template."""

from pathlib import Path

from template3d.data import photos
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.tables import of_fixed_view
from template3d.jobs.sealing import sealed_job
from template3d.rendering.blender import Studio
from template3d.report import pictures
from template3d.runtime.limits import Limits

with sealed_job(snakemake):
    settings, methods = snakemake.params.settings, snakemake.params.settings["methods"]
    studio = Studio(pictures.SIZE, samples=16, threads=snakemake.threads)
    chamfer = [of_fixed_view(file, settings["kind"]) for file in snakemake.input.metrics]
    picture = pictures.Picture(studio, methods)
    pictures.shapes(
        picture,
        snakemake.wildcards.category,
        settings,
        [Path(shard) for shard in snakemake.input.views],
        PreparedMeshes(snakemake.input.meshes),
        {
            split: dict(zip(methods, map(Path, snakemake.input[split]), strict=True))
            for split in ("train", "test")
            if split in settings["shapes"]
        },
        chamfer,
    )
    if snakemake.input.photos_table:
        limits = Limits(**snakemake.config["limits"])
        folder = Path(snakemake.config["photos"]) / snakemake.wildcards.category
        picture.add_photos(photos.listed(folder), Path(snakemake.input.photos_table), settings["photo_methods"], limits)
    picture.save(Path(snakemake.output.picture))
    templates = dict(zip(methods, map(Path, snakemake.input.templates), strict=True))
    pictures.templates(Path(snakemake.output.template), studio, templates)
