"""Reconstruct shapes of a category, each from one view at a time: meshes in ShapeNet's frame."""

from pathlib import Path

import torch
from template3d.data import archives, manifests
from template3d.jobs import reconstruct
from template3d.jobs.sealing import sealed_job
from template3d.networks import models

with sealed_job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    settings, gpu = snakemake.params.settings, bool(snakemake.config["training"]["gpus"])
    weights, shards = Path(snakemake.input.model), [Path(shard) for shard in snakemake.input.views]
    model = models.load_model(weights)
    model.decoder.to("cuda" if gpu else "cpu")
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, shards)
    job.log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
    reconstructor = reconstruct.Reconstructor(
        model,
        snakemake.wildcards.category,
        archives.index(shards),
        manifests.read(snakemake.input.manifests),
        settings["isosurface"],
    )
    reconstructor.update(
        Path(snakemake.output.archive),
        reconstruct.wanted(shapes, settings),
        reconstruct.AT_ONCE if gpu else 1,
        settings["isosurface"],
        snakemake.params.code,
        archives.digest(weights),
        lacking=manifests.lacking(settings["shapes"], shapes),
    )
