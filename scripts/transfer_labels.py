"""Carry labels or paint from one shape of a category, through the template, to all others."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import trimesh
from template3d.data import archives, ground_truth, manifests
from template3d.networks import models
from template3d.reconstruction import correspondence
from template3d.runtime import files, logs
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

with logs.to(snakemake.log[0]) as log:
    torch.set_num_threads(snakemake.threads)
    settings = json.loads(snakemake.params.settings)
    model = models.load_model(Path(snakemake.input.model))
    model.decoder.to("cuda" if snakemake.config["training"]["gpus"] else "cpu")
    codes = dict(zip(model.shapes, model.codes, strict=True))
    fitted = Path(snakemake.input.fitted)
    for name in archives.names(fitted):
        if name.endswith(".json"):
            codes[name.removesuffix(".json")] = torch.tensor(json.loads(archives.read(fitted, name)))
    normalizations = manifests.read(snakemake.input.manifests)

    sources, labels, limits = [], [], Limits(**snakemake.config["limits"])
    for file in map(Path, snakemake.input.labels):
        if file.stem not in codes:
            category = snakemake.wildcards.category
            raise InputError(f"{file}: {file.stem} is no usable shape of {category}; name the file after one")
        painted = correspondence.read_painted(file, limits)
        unit = normalizations[file.stem].to_unit(painted.points)
        sources.append(correspondence.template_coordinates(model.decoder, codes[file.stem], unit))
        labels.append(painted.labels)
    if len({(part.ndim, part.dtype.kind) for part in labels}) > 1:
        raise InputError(f"{snakemake.input.labels[0]}: some files hold labels and others colours; keep to one of both")
    source, labels = np.concatenate(sources), np.concatenate(labels)
    names = np.unique(labels) if labels.ndim == 1 else None
    shapes = manifests.usable(sorted(codes), snakemake.input.manifests, snakemake.input.surfaces)
    with files.whole(snakemake.output.archive) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as opened:
        for shape, truth in ground_truth.each(snakemake.input.surfaces, settings["synset"], shapes):
            target = correspondence.template_coordinates(
                model.decoder, codes[shape], normalizations[shape].to_unit(truth.points)
            )
            carried = correspondence.carried(source, labels, target)
            if names is None:
                paint = carried
            else:
                paint = correspondence.palette(len(names))[np.searchsorted(names, carried)]
                table = pd.DataFrame(truth.points, columns=list("xyz")).assign(label=carried)
                opened.writestr(f"{shape}.csv", table.to_csv(index=False, float_format="%.5f"))
            opened.writestr(f"{shape}.ply", trimesh.PointCloud(truth.points, paint).export(file_type="ply"))
    log.info("%d labelled points carried to %d shapes", len(source), len(shapes))
