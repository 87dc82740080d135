"""Fit a code to the true distances of each test shape, and extract its mesh: the upper bound for any encoder."""

import json
from pathlib import Path

import torch
from template3d.data import archives, manifests
from template3d.data.memory import Memory
from template3d.data.sample_sets import Samples
from template3d.geometry import meshes
from template3d.networks import models
from template3d.reconstruction import inference
from template3d.runtime import logs

with logs.to(snakemake.log[0]) as log:
    torch.set_num_threads(snakemake.threads)
    settings, training = snakemake.params.settings, snakemake.config["training"]
    decoder = models.load_model(Path(snakemake.input.model)).decoder
    decoder.to("cuda" if training["gpus"] else "cpu")
    shards = [Path(shard) for shard in snakemake.input.samples]
    normalizations = manifests.read(snakemake.input.manifests)

    def make(stale: list[str]):
        """For each shape, the mesh of its fitted code; they are fitted together."""
        samples = Samples.read(shards, settings["synset"], stale, Memory.of(training))
        fit_settings = inference.FitSettings(**settings["evaluate"]["fit"], clamp=settings["phase1"]["clamp"])
        codes = inference.fit_codes(decoder, samples, fit_settings, torch.Generator().manual_seed(settings["seed"]))
        for shape, code in zip(stale, codes, strict=True):
            (mesh,) = inference.meshes_of(decoder, code[None], **settings["isosurface"])
            mesh.vertices = normalizations[shape].to_shapenet(mesh.vertices)
            yield shape, {f"{shape}.ply": meshes.ply_bytes(mesh), f"{shape}.json": json.dumps(code.tolist()).encode()}

    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, shards)
    log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
    sources = archives.digest(snakemake.params.settings, snakemake.params.code, Path(snakemake.input.model))
    archives.update(Path(snakemake.output.archive), dict.fromkeys(shapes, sources), make)
