"""Train encoder, warp and template of a category together, from images to signed distances."""

import json
from pathlib import Path

import pandas as pd
import torch
from template3d.data import archives, manifests
from template3d.data.images import read_views
from template3d.data.memory import Memory
from template3d.data.sample_sets import Samples
from template3d.networks import DECODER_SIZES, models
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.runtime import files, logs
from template3d.training.checkpoints import Checkpoint
from template3d.training.embeddings import LossSettings
from template3d.training.end_to_end import EndToEndSettings, EndToEndStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule, picked

EVEN_OVER = 256
"""Images over which the codes are evened out at the start."""

settings, training, params = json.loads(snakemake.params.settings), snakemake.config["training"], snakemake.params
view_shards, sample_shards = ([Path(shard) for shard in snakemake.input[kind]] for kind in ("views", "samples"))
sources = [Path(file) for file in snakemake.input.weights]

with logs.to(snakemake.log[0], go_on=True) as log:
    checkpoint = Checkpoint.of(
        params,
        training["checkpoint_minutes"],
        archives.digest(archives.identity([*view_shards, *sample_shards]), *sources),
    )
    chosen = settings["end_to_end"]
    torch.set_num_threads(snakemake.threads)
    torch.manual_seed(settings["seed"])
    sizes = {name: settings["phase1"][name] for name in DECODER_SIZES}
    encoder = Encoder(sizes["code_length"], chosen["freeze_trunk"])
    if chosen["weights"] == "contrastive":
        models.load_encoder(encoder, sources[0])
    else:
        encoder.load_trunk(chosen["weights"])
    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, [*view_shards, *sample_shards])
    log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
    memory = Memory.of(training)
    size = settings["encoder"]["image_size"]
    views = read_views(view_shards, shapes, size, memory, snakemake.threads)
    if chosen["even_codes"]:
        encoder.even_codes(views.images[torch.randperm(len(views.images))[:EVEN_OVER]])
    stage = EndToEndStage(
        encoder,
        ImplicitTemplate(**sizes),
        views,
        Samples.read(sample_shards, settings["synset"], shapes, memory),
        EndToEndSettings(**picked(EndToEndSettings, chosen)),
        LossSettings(**picked(LossSettings, settings["phase1"])),
    )
    history = fit(
        stage,
        Schedule.of(chosen, settings["seed"], training["gpus"]),
        f"end to end of {snakemake.wildcards.category}, from {chosen['weights']}",
        checkpoint,
        Path(params.board),
    )
    codes = stage.mean_codes("cuda" if training["gpus"] else "cpu")
    model = models.Model(stage.decoder, sizes, codes, shapes, encoder, size)
    models.save(model, Path(snakemake.output.model), Path(snakemake.output.description))
    files.write_text(snakemake.output.history, pd.DataFrame(history).to_csv(index=False))
