"""Phase 2 of a category: train the encoder from views to the codes of phase 1."""

import json
from pathlib import Path

import pandas as pd
import torch
from template3d.data import archives, manifests
from template3d.data.images import read_views
from template3d.data.memory import Memory
from template3d.networks import models
from template3d.networks.encoder import Encoder
from template3d.runtime import files, logs
from template3d.training.checkpoints import Checkpoint
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule, picked

settings, training, params = json.loads(snakemake.params.settings), snakemake.config["training"], snakemake.params
shards = [Path(shard) for shard in snakemake.input.views]
sources = [Path(snakemake.input.embeddings), *map(Path, snakemake.input.weights)]

with logs.to(snakemake.log[0], go_on=True) as log:
    checkpoint = Checkpoint.of(
        params, training["checkpoint_minutes"], archives.digest(archives.identity(shards), *sources)
    )
    chosen, encoder_settings = settings["phase2"], settings["encoder"]
    torch.set_num_threads(snakemake.threads)
    torch.manual_seed(settings["seed"])
    model = models.load_model(Path(snakemake.input.embeddings))
    model.image_size = encoder_settings["image_size"]
    model.encoder = Encoder(model.codes.shape[1], encoder_settings["freeze_trunk"])
    model.encoder.load_trunk(encoder_settings["weights"])
    shapes = manifests.usable(model.shapes, snakemake.input.manifests, shards)
    memory = Memory.of(training)
    views = read_views(shards, shapes, model.image_size, memory, snakemake.threads)
    log.info("views of %d of %d shapes", len(shapes), len(model.shapes))
    codes = model.codes[[model.shapes.index(shape) for shape in shapes]]
    model.encoder.start_at(codes.mean(dim=0))
    history = fit(
        EncoderStage(model.encoder, views, codes, EncoderSettings(**picked(EncoderSettings, chosen))),
        Schedule.of(chosen, settings["seed"], training["gpus"]),
        f"phase 2 of {snakemake.wildcards.category}",
        checkpoint,
        Path(params.board),
    )
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    files.write_text(snakemake.output.history, pd.DataFrame(history).to_csv(index=False))
