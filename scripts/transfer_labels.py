"""Transfer labels or colours from one shape of a category, through the template, to all others."""

import json
from pathlib import Path

import torch
from template3d.data import archives, ground_truth, manifests
from template3d.data import labels as label_files
from template3d.jobs.sealing import sealed_job
from template3d.jobs.transfer import LabelTransfer
from template3d.networks import models
from template3d.runtime.limits import Limits

with sealed_job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    model, surfaces = models.load_model(Path(snakemake.input.model)), snakemake.input.surfaces
    model.decoder.to("cuda" if snakemake.config["training"]["gpus"] else "cpu")
    codes = dict(zip(model.shapes, model.codes, strict=True))
    for name, content in archives.members(Path(snakemake.input.fitted)):
        if name.endswith(".json") and name != archives.FAILED:
            codes[name.removesuffix(".json")] = torch.tensor(json.loads(content))
    normalizations = manifests.read(snakemake.input.manifests)
    transfer = LabelTransfer(snakemake.wildcards.category, model.decoder, codes, normalizations)
    limits = Limits(**snakemake.config["limits"])
    folder = Path(snakemake.config["labels"]) / snakemake.wildcards.category
    source, labels = transfer.read(label_files.listed(folder), limits)
    shapes = manifests.usable(sorted(codes), snakemake.input.manifests, surfaces)
    truths = ground_truth.each(surfaces, snakemake.params.settings["synset"], shapes)
    transfer.write(Path(snakemake.output.archive), source, labels, truths)
    job.log.info("%d labelled points transferred to %d shapes", len(source), len(shapes))
