"""Fit a code to the true distances of each test shape, and extract its mesh: the upper bound for any encoder."""

import json
from pathlib import Path

import torch
from template3d.data import archives, manifests
from template3d.data.memory import Memory
from template3d.data.sample_sets import Samples
from template3d.geometry import meshes
from template3d.jobs.sealing import sealed_job
from template3d.networks import models
from template3d.reconstruction import correspondence, inference
from template3d.report import colours
from template3d.runtime import randomness

with sealed_job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    settings, training = snakemake.params.settings, snakemake.config["training"]
    decoder = models.load_model(Path(snakemake.input.model)).decoder
    decoder.to("cuda" if training["gpus"] else "cpu")
    shards = [Path(shard) for shard in snakemake.input.samples]
    normalizations = manifests.read(snakemake.input.manifests)

    def generator(shape: str) -> torch.Generator:
        """The generator of a shape's random draws."""
        seed = randomness.generator(shape, settings["seed"], "code fit").integers(2**63)
        return torch.Generator().manual_seed(int(seed))

    def make(stale: list[str]):
        """For each shape, the mesh of its fitted code."""
        samples = Samples.read(shards, settings["synset"], stale, Memory.of(training))
        fit_settings = inference.FitSettings(**settings["evaluate"]["fit"], clamp=settings["phase1"]["clamp"])
        codes = inference.fit_codes(decoder, samples, fit_settings, [generator(shape) for shape in stale])
        for shape, code in zip(stale, codes, strict=True):
            (mesh,) = inference.meshes_of(decoder, code[None], **settings["isosurface"])
            coordinates = correspondence.template_coordinates(decoder, code, mesh.vertices)
            mesh.vertices = normalizations[shape].to_shapenet(mesh.vertices)
            files = {f"{shape}.ply": meshes.ply_bytes(mesh), f"{shape}.json": json.dumps(code.tolist()).encode()}
            if len(mesh.faces):
                files[f"{shape}.glb"] = meshes.glb_bytes(colours.painted(mesh, coordinates))
            yield shape, files

    shapes = manifests.usable(settings["shapes"], snakemake.input.manifests, shards)
    job.log.info("%d of %d listed shapes are usable", len(shapes), len(settings["shapes"]))
    sources = archives.digest(snakemake.params.settings, snakemake.params.code, Path(snakemake.input.model))
    lacking = manifests.lacking(settings["shapes"], shapes)
    archives.update(Path(snakemake.output.archive), dict.fromkeys(shapes, sources), make, lacking=lacking)
