"""Reconstruct the user's photos of a category by every method, and show the results side by side."""

from pathlib import Path

import torch
from template3d.data import photos
from template3d.jobs.photos import PhotoReconstructor
from template3d.jobs.sealing import sealed_job
from template3d.networks import model_folders, models
from template3d.runtime import files
from template3d.runtime.limits import Limits

with sealed_job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    settings, table = snakemake.params.settings, Path(snakemake.output.table)
    given = snakemake.config["photo_models"].get(snakemake.wildcards.category)
    weights = [model_folders.weights_of(given)] if given else map(Path, snakemake.input.models)
    of_methods = dict(zip(settings["methods"], map(models.load_photo_model, weights), strict=True))
    reconstructor = PhotoReconstructor(of_methods, table, settings["isosurface"], Limits(**snakemake.config["limits"]))
    folder = Path(snakemake.config["photos"]) / snakemake.wildcards.category
    rows, job.members[table] = reconstructor.rows(photos.listed(folder))
    files.write_text(table, rows.to_csv(index=False))
