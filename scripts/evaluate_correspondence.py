"""Measure how well keypoints and parts are carried between the annotated shapes of a category."""

from pathlib import Path

import torch
from template3d.data import manifests
from template3d.data.ground_truth import Surfaces
from template3d.jobs import correspondence
from template3d.jobs.sealing import sealed_job
from template3d.jobs.template_map import TemplateMap
from template3d.runtime import files

with sealed_job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    inputs, config, settings = snakemake.input, snakemake.config, snakemake.params.settings
    device, category = "cuda" if config["training"]["gpus"] else "cpu", snakemake.wildcards.category
    template_map = TemplateMap.read(Path(inputs.model), Path(inputs.fitted), inputs.manifests, device)
    usable = manifests.usable(sorted(template_map.codes), inputs.manifests, inputs.surfaces)
    splits = {split: [shape for shape in shapes if shape in usable] for split, shapes in settings["splits"].items()}
    surfaces = Surfaces(inputs.surfaces, settings["synset"], usable)
    if settings["demo"]:
        count = sum(settings["demo"].values())
        keypoints, labels = correspondence.of_demo(category, count, settings["seed"], surfaces)
    else:
        given = {name: config[name] for name in ("keypoints", "labels", "limits")}
        keypoints, labels = correspondence.of_files({**settings, **given}, category, template_map, surfaces)
    methods = {
        "template": template_map,
        "space": lambda shape, points: points,
        "box": correspondence.in_boxes(surfaces),
    }
    evaluation = correspondence.Evaluation(category, splits, surfaces, keypoints, labels, methods, settings["sources"])
    files.write_text(snakemake.output.metrics, evaluation.table().to_csv(index=False))
    job.log.info("%d shapes with keypoints, %d with parts", len(keypoints), len(labels))
