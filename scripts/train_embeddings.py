"""Phase 1 of a category: train template, warp and one code per shape."""

import json
from pathlib import Path

import pandas as pd
import torch
from template3d import files, logs, manifests, models
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training import loop
from template3d.training.distances import Samples
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage

with logs.to(snakemake.log[0]) as log:
    settings = json.loads(snakemake.params.settings)
    chosen = settings["phase1"]
    torch.set_num_threads(snakemake.threads)
    torch.manual_seed(settings["seed"])
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, snakemake.input.samples)
    log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
    samples = Samples.read([Path(shard) for shard in snakemake.input.samples], settings["synset"], shapes)
    sizes = {name: chosen[name] for name in ("code_length", "warp_hidden", "warp_steps", "template_hidden", "dropout")}
    decoder = ImplicitTemplate(**sizes)
    numbers = {name: chosen[name] for name in EmbeddingSettings.__dataclass_fields__}
    stage = EmbeddingStage(decoder, samples, EmbeddingSettings(**numbers))
    schedule = loop.Schedule(chosen["epochs"], chosen["halve_every"], chosen["precision"], settings["seed"])
    history = loop.fit(stage, schedule, f"phase 1 of {snakemake.wildcards.category}")
    models.save(
        models.Model(decoder, sizes, codes=stage.codes.weight, shapes=shapes),
        Path(snakemake.output.model),
        Path(snakemake.output.description),
    )
    files.write_text(snakemake.output.history, pd.DataFrame(history).to_csv(index=False))
