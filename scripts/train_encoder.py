"""Phase 2 of a category: train the encoder from views to the codes of phase 1."""

import json
from pathlib import Path

import pandas as pd
import torch
from template3d import files, logs, manifests, models
from template3d.networks.encoder import Encoder
from template3d.training import images, loop
from template3d.training.encoder import EncoderSettings, EncoderStage

with logs.to(snakemake.log[0]) as log:
    settings = json.loads(snakemake.params.settings)
    chosen, encoder_settings = settings["phase2"], settings["encoder"]
    torch.set_num_threads(snakemake.threads)
    torch.manual_seed(settings["seed"])
    model = models.load(Path(snakemake.input.embeddings))
    model.image_size = encoder_settings["image_size"]
    model.encoder = Encoder(model.codes.shape[1], encoder_settings["freeze_trunk"])
    model.encoder.load_trunk(encoder_settings["weights"])
    shapes = manifests.usable(model.shapes, snakemake.input.manifests, snakemake.input.views)
    shown = images.read_views([Path(shard) for shard in snakemake.input.views], shapes, model.image_size)
    log.info("%d views of %d of %d shapes", len(shown.images), len(shapes), len(model.shapes))
    codes = model.codes[[model.shapes.index(shape) for shape in shapes]]
    numbers = EncoderSettings(chosen["batch"], chosen["rate"], chosen["colour_jitter"])
    stage = EncoderStage(model.encoder, shown, codes, numbers)
    schedule = loop.Schedule(chosen["epochs"], chosen["halve_every"], chosen["precision"], settings["seed"])
    history = loop.fit(stage, schedule, f"phase 2 of {snakemake.wildcards.category}")
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    files.write_text(snakemake.output.history, pd.DataFrame(history).to_csv(index=False))
