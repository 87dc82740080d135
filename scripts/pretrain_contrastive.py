"""Pretrain a category's encoder, so that pictures of one object are alike and of two objects are not."""

import json
from pathlib import Path

import pandas as pd
import torch
from template3d.data import archives, manifests
from template3d.data.images import read_views
from template3d.data.memory import Memory
from template3d.networks import models
from template3d.networks.encoder import Encoder
from template3d.networks.projection import Projection
from template3d.runtime import files, logs
from template3d.training.checkpoints import Checkpoint
from template3d.training.contrastive import ContrastiveSettings, ContrastiveStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule, picked

settings, training, params = json.loads(snakemake.params.settings), snakemake.config["training"], snakemake.params
shards = [Path(shard) for shard in snakemake.input.views]
sources = [Path(file) for file in snakemake.input.weights]

with logs.to(snakemake.log[0], go_on=True) as log:
    checkpoint = Checkpoint.of(
        params, training["checkpoint_minutes"], archives.digest(archives.identity(shards), *sources)
    )
    chosen, length = settings["contrastive"], settings["phase1"]["code_length"]
    torch.set_num_threads(snakemake.threads)
    torch.manual_seed(settings["seed"])
    encoder = Encoder(length)
    encoder.load_trunk(settings["encoder"]["weights"])
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, shards)
    memory = Memory.of(training)
    views = read_views(shards, shapes, settings["encoder"]["image_size"], memory, snakemake.threads)
    log.info("views of %d of %d listed shapes", len(shapes), len(settings["shapes"]))
    numbers = ContrastiveSettings(**picked(ContrastiveSettings, chosen))
    history = fit(
        ContrastiveStage(encoder, Projection(length, chosen["projection"]), views, numbers),
        Schedule.of(chosen, settings["seed"], training["gpus"]),
        f"contrastive pretraining of {snakemake.wildcards.category}",
        checkpoint,
        Path(params.board),
    )
    models.save_encoder(encoder, Path(snakemake.output.weights))
    files.write_text(snakemake.output.history, pd.DataFrame(history).to_csv(index=False))
