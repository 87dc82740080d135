"""Figure 6: the codes of many views of some training and test shapes, embedded in the plane by t-SNE."""

from pathlib import Path

import numpy as np
import torch
from sklearn.manifold import TSNE
from template3d.data import manifests
from template3d.data.images import read_views
from template3d.data.memory import Memory
from template3d.jobs.sealing import sealed_job
from template3d.networks import models
from template3d.report import figures

NAMES = {
    "two_phase": "two-phase",
    "end_to_end": "end to end",
    "end_to_end_contrastive": "end to end, contrastive start",
    "end_to_end_imagenet": "end to end, ImageNet start",
    "end_to_end_none": "end to end, random start",
}

with sealed_job(snakemake):
    torch.set_num_threads(snakemake.threads)
    settings = snakemake.params.settings
    shards = [Path(shard) for shard in snakemake.input.views]
    training, test = (
        manifests.usable(settings["shapes"][split], snakemake.input.manifests, shards) for split in ("train", "test")
    )
    clouds = {}
    for run, file in zip(settings["runs"], snakemake.input.models, strict=True):
        model = models.load_model(Path(file))
        memory, size = Memory(0.0, 4.0), model.image_size
        views = read_views(shards, [*training, *test], size, memory, snakemake.threads, model.crop_to_object)
        codes = torch.cat([model.encode(images) for images in views.images.split(256)]).numpy()
        around = min(30.0, (len(codes) - 1) / 3)
        clouds[NAMES[run]] = TSNE(perplexity=around, init="pca", random_state=settings["seed"]).fit_transform(codes)
    title = (
        f"{snakemake.wildcards.category}: codes of {len(training)} training shapes and, with open markers, "
        f"{len(test)} test shapes; a colour and marker each"
    )
    figures.clouds(Path(snakemake.output.png), clouds, np.asarray(views.shapes), title, filled=len(training))
