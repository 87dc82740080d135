"""Measure the baselines, on the same shapes and by the same measures as the reconstructions."""

from pathlib import Path

import pandas as pd
from template3d.data import codes, ground_truth, manifests
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.baselines import Baselines
from template3d.evaluation.camera_frame import Cameras
from template3d.evaluation.retrieval import Library
from template3d.geometry import meshes
from template3d.jobs.sealing import sealed_job
from template3d.runtime import files

with sealed_job(snakemake):
    settings, given = snakemake.params.settings, snakemake.input
    synsets, splits = settings["synsets"], settings["splits"]
    normalizations = manifests.read(given.manifests)
    train, test = (
        manifests.usable(splits[split], given.manifests, given[f"{split}_surfaces"]) for split in ("train", "test")
    )
    baselines = Baselines(
        Library.read(given.train_surfaces, synsets["train"], train, normalizations, settings["seed"]),
        ground_truth.read(given.test_surfaces, synsets["test"], test),
        normalizations,
        meshes.read_ply(Path(given.template).read_bytes()),
        {shape: code for shape, code in codes.read(Path(given.model)).items() if shape in set(train)},
        Path(given.fitted),
        Path(given.reconstructions),
        PreparedMeshes(given.train_meshes),
        Cameras(snakemake.wildcards.category, given.views, given.test_meshes),
        settings,
    )
    table = pd.DataFrame(baselines.rows(snakemake.wildcards.category, splits["test"]))
    files.write_text(snakemake.output.metrics, table.to_csv(index=False))
