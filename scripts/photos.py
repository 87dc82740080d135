"""Reconstruct the user's photos of a category by every method, and show the results side by side."""

from pathlib import Path

import torch
from template3d.jobs.photos import PhotoReconstructor, delete_old
from template3d.networks import models
from template3d.runtime import files, logs
from template3d.runtime.limits import Limits

with logs.to(snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    settings, folder = snakemake.params.settings, Path(snakemake.output.table).parent
    loaded = [models.load_model(Path(file)) for file in snakemake.input.models]
    of_methods = dict(zip(settings["methods"], loaded, strict=True))
    delete_old(folder)
    reconstructor = PhotoReconstructor(of_methods, folder, settings["isosurface"], Limits(**snakemake.config["limits"]))
    table = reconstructor.table(map(Path, snakemake.input.photos))
    files.write_text(snakemake.output.table, table.to_csv(index=False))
