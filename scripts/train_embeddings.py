"""Phase 1 of a category: train template, warp and one code per shape, or take them from a published experiment."""

import json
from pathlib import Path

import pandas as pd
import torch
from template3d.data import archives, manifests
from template3d.data.memory import Memory
from template3d.data.sample_sets import Samples
from template3d.networks import DECODER_SIZES, deep_implicit_templates, models
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.runtime import files, logs
from template3d.training.checkpoints import Checkpoint
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.loop import fit
from template3d.training.stage import Schedule, picked

COLUMNS = ["epoch", "step", "total"]
"""Of a history without rows: that of a published experiment."""

settings, training, params = json.loads(snakemake.params.settings), snakemake.config["training"], snakemake.params
shards = [Path(shard) for shard in snakemake.input.samples]
with logs.to(snakemake.log[0], go_on=True) as log:
    checkpoint = Checkpoint.of(params, training["checkpoint_minutes"], archives.identity(shards))
    chosen = settings["phase1"]
    torch.set_num_threads(snakemake.threads)
    torch.manual_seed(settings["seed"])
    if chosen["from"]:
        model, history = (
            deep_implicit_templates.as_phase1(Path(snakemake.input.published[0]).parent, settings["shapes"]),
            [],
        )
        log.info("%d codes, warp and template are those of %s", len(model.codes), snakemake.input.published[0])
    else:
        shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, shards)
        log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
        samples = Samples.read(shards, settings["synset"], shapes, Memory.of(training))
        sizes = {name: chosen[name] for name in DECODER_SIZES}
        stage = EmbeddingStage(
            ImplicitTemplate(**sizes),
            samples,
            EmbeddingSettings(**picked(EmbeddingSettings, chosen)),
            LossSettings(**picked(LossSettings, chosen)),
        )
        history = fit(
            stage,
            Schedule.of(chosen, settings["seed"], training["gpus"]),
            f"phase 1 of {snakemake.wildcards.category}",
            checkpoint,
            Path(params.board),
        )
        model = models.Model(stage.decoder, sizes, codes=stage.codes.weight, shapes=shapes)
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    table = pd.DataFrame(history) if history else pd.DataFrame(columns=COLUMNS)
    files.write_text(snakemake.output.history, table.to_csv(index=False))
