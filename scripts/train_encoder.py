"""Phase 2 of a category: train the encoder from views to the codes of phase 1."""

import json
from pathlib import Path

import pandas as pd
import torch
from template3d import archives, files, logs, manifests, models
from template3d.networks.encoder import Encoder
from template3d.training.checkpoints import Checkpoint
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.images import read_views
from template3d.training.loop import Schedule, fit, picked
from template3d.training.memory import Memory

with logs.to(snakemake.log[0]) as log:
    settings, training = json.loads(snakemake.params.settings), snakemake.config["training"]
    chosen, encoder_settings, params = settings["phase2"], settings["encoder"], snakemake.params
    torch.set_num_threads(snakemake.threads)
    torch.manual_seed(settings["seed"])
    model = models.load(Path(snakemake.input.embeddings))
    model.image_size = encoder_settings["image_size"]
    model.encoder = Encoder(model.codes.shape[1], encoder_settings["freeze_trunk"])
    model.encoder.load_trunk(encoder_settings["weights"])
    shards = [Path(shard) for shard in snakemake.input.views]
    shapes = manifests.usable(model.shapes, snakemake.input.manifests, shards)
    memory = Memory(training["gpu_gb"], training["ram_gb"])
    views = read_views(shards, shapes, model.image_size, memory, snakemake.threads)
    log.info("views of %d of %d shapes", len(shapes), len(model.shapes))
    codes = model.codes[[model.shapes.index(shape) for shape in shapes]]
    history = fit(
        EncoderStage(model.encoder, views, codes, EncoderSettings(**picked(EncoderSettings, chosen))),
        Schedule.of(chosen, settings["seed"], snakemake.resources.gpu),
        f"phase 2 of {snakemake.wildcards.category}",
        Checkpoint(
            Path(params.checkpoint),
            training["checkpoint_minutes"],
            settings=params.settings,
            code=params.code,
            data=archives.digest(archives.identity(shards), Path(snakemake.input.embeddings)),
        ),
        Path(params.board),
    )
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    files.write_text(snakemake.output.history, pd.DataFrame(history).to_csv(index=False))
