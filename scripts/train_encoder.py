"""Phase 2 of a category: train the encoder from views to the codes of phase 1."""

from pathlib import Path

import torch
from template3d.data import synthetic
from template3d.data.images import read_views
from template3d.jobs.sealing import sealed_job
from template3d.jobs.training import Training, write_history
from template3d.networks import models
from template3d.networks.calibration import calibrated
from template3d.runtime.limits import Limits
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.pretrained import new_encoder

with sealed_job(snakemake, append=True):
    training = Training(
        "phase2",
        snakemake.config["training"],
        snakemake.threads,
        [*snakemake.input.views, *snakemake.input.synthetic_views],
        **snakemake.params,
        sources=[snakemake.input.embeddings, *snakemake.input.synthetic, *snakemake.input.weights],
    )
    model = models.load_model(Path(snakemake.input.embeddings))
    settings = training.settings["encoder"]
    model.image_size, model.crop_to_object = settings["image_size"], settings["crop_to_object"]
    model.encoder = new_encoder(
        settings, model.codes.shape[1], settings["weights"], freeze_trunk=settings["freeze_trunk"]
    )
    shapes = training.usable(model.shapes, snakemake.input.manifests)
    synthetic_codes = synthetic.codes(snakemake.input.synthetic, snakemake.input.synthetic_views)
    how = (model.image_size, training.memory, snakemake.threads, model.crop_to_object)
    views = read_views(training.shards, [*shapes, *synthetic_codes], *how)
    codes = model.codes[[model.shapes.index(shape) for shape in shapes]]
    model.encoder.start_at(codes.mean(dim=0))
    held_out = training.held_out(shapes)
    stage = EncoderStage(
        model.encoder,
        views,
        torch.cat([codes, *(torch.from_numpy(code)[None] for code in synthetic_codes.values())]),
        training.settings_of(EncoderSettings),
        held_out,
        training.augmentation(model.image_size, Limits(**snakemake.config["limits"])),
        synthetic=range(len(shapes), len(shapes) + len(synthetic_codes)),
    )
    history = training.fit(stage, f"phase 2 of {snakemake.wildcards.category}")
    model.calibration = calibrated(model.encoder, views.of_first(len(shapes)), held_out, training.device)
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    write_history(snakemake.output.history, history)
