"""Shapes between two training shapes, at even steps between their codes: a strip of pictures and an animation."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from template3d.jobs.sealing import sealed_job
from template3d.networks import models
from template3d.reconstruction import inference
from template3d.rendering import previews
from template3d.report import figures
from template3d.runtime import files
from template3d.runtime.errors import InputError

SIZE = 256
STEPS = 9
MILLISECONDS = 160

with sealed_job(snakemake):
    torch.set_num_threads(snakemake.threads)
    settings = snakemake.params.settings
    model = models.load_model(Path(snakemake.input.model))
    model.decoder.to("cuda" if snakemake.config["training"]["gpus"] else "cpu")
    ends = [shape for shape in settings["ends"] if shape in model.shapes]
    if len(ends) < 2:
        raise InputError(f"{snakemake.wildcards.category}: takes two usable training shapes; there are {len(ends)}")
    first, last = (model.codes[model.shapes.index(shape)] for shape in ends)
    pictures = []
    for code in inference.interpolated(first, last, STEPS):
        (mesh,) = inference.meshes_of(model.decoder, code[None], **settings["isosurface"])
        pictures.append(np.repeat(previews.shaded(mesh, SIZE)[..., None], 3, axis=2))
    titles = [ends[0][:4], *[""] * (STEPS - 2), ends[1][:4]]
    figures.picture_rows(Path(snakemake.output.strip), {"": pictures}, titles, together=True)
    frames = [Image.fromarray(picture) for picture in (*pictures, *pictures[-2:0:-1])]
    with files.whole(snakemake.output.animation) as beside:
        frames[0].save(beside, format="GIF", save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0)
