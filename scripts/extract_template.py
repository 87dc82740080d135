"""Extract the mesh of a category's template, in the unit sphere."""

from pathlib import Path

import torch
from template3d.geometry import meshes
from template3d.jobs.sealing import sealed_job
from template3d.networks import models
from template3d.reconstruction import inference
from template3d.runtime import files

with sealed_job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    settings = snakemake.params.settings
    decoder = models.load_model(Path(snakemake.input.model)).decoder
    decoder.to("cuda" if snakemake.config["training"]["gpus"] else "cpu")
    mesh = inference.template_mesh(decoder, **settings["isosurface"])
    job.log.info("the template of %s has %d faces", snakemake.wildcards.category, len(mesh.faces))
    with files.whole(snakemake.output.mesh) as beside:
        beside.write_bytes(meshes.ply_bytes(mesh))
