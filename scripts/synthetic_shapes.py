"""Make shapes of random codes, from which phase 2 learns, too, where a category has few shapes."""

from pathlib import Path

import torch
from template3d.data import archives, splits, synthetic
from template3d.jobs import synthetic_shapes
from template3d.jobs.sealing import sealed_job
from template3d.networks import models
from template3d.reconstruction.code_space import CodeSpace

with sealed_job(snakemake):
    torch.set_num_threads(snakemake.threads)
    settings, weights = snakemake.params.settings, Path(snakemake.input.embeddings)
    model = models.load_model(weights)
    decoder = model.decoder.to("cuda" if snakemake.config["training"]["gpus"] else "cpu")
    held_out = splits.held_out(model.shapes, settings["split"]["validation_share"], settings["seed"])
    learned = [index for index, shape in enumerate(model.shapes) if shape not in held_out]
    space = CodeSpace.of(model.codes[learned])

    def make(stale):
        """The meshes and codes of shapes."""
        for shape in stale:
            synthetic_shape = synthetic_shapes.one_shape(
                decoder, space, shape, settings["seed"], settings["isosurface"]
            )
            yield shape, {synthetic.member_name(shape): synthetic_shape.to_bytes()}

    # not the number of shapes, so that more of them change none of the others
    depends = {key: settings[key] for key in ("isosurface", "split", "seed")}
    source = archives.digest(depends, snakemake.params.code, weights)
    names = synthetic.names(settings["phase2"]["synthetic_shapes"])
    archives.update(Path(snakemake.output.archive), dict.fromkeys(names, source), make)
