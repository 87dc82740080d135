"""Pretrain the encoder of a category: views of one object get similar codes, of two objects different ones."""

from pathlib import Path

from template3d.data.images import read_views
from template3d.jobs.sealing import sealed_job
from template3d.jobs.training import Training, write_history
from template3d.networks import models
from template3d.networks.projection import Projection
from template3d.training.contrastive import ContrastiveSettings, ContrastiveStage
from template3d.training.pretrained import new_encoder

with sealed_job(snakemake, append=True):
    training = Training(
        "contrastive",
        snakemake.config["training"],
        snakemake.threads,
        snakemake.input.views,
        **snakemake.params,
        sources=snakemake.input.weights,
    )
    settings, length = training.settings, training.settings["phase1"]["code_length"]
    encoder = new_encoder(settings["encoder"], length, settings["encoder"]["weights"])
    shapes = training.usable(settings["shapes"], snakemake.input.manifests)
    held_out = training.held_out(shapes)  # else end-to-end training would start from an encoder that has seen them
    shapes = [shape for index, shape in enumerate(shapes) if index not in held_out]
    image_size, crop = settings["encoder"]["image_size"], settings["encoder"]["crop_to_object"]
    views = read_views(snakemake.input.views, shapes, image_size, training.memory, snakemake.threads, crop)
    projection = Projection(length, settings["contrastive"]["projection"])
    stage = ContrastiveStage(encoder, projection, views, training.settings_of(ContrastiveSettings))
    history = training.fit(stage, f"contrastive pretraining of {snakemake.wildcards.category}")
    models.save_encoder(encoder, Path(snakemake.output.weights))
    write_history(snakemake.output.history, history)
