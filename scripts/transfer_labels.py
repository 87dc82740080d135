"""Transfer labels or colours from some shapes of a category, through the template, to all others."""

from pathlib import Path

import torch
from template3d.data import annotation_files, manifests
from template3d.data.ground_truth import Surfaces
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.jobs.sealing import sealed_job
from template3d.jobs.template_map import TemplateMap
from template3d.jobs.transfer import LabelTransfer, read_labels
from template3d.runtime.limits import Limits

with sealed_job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    inputs, config, settings = snakemake.input, snakemake.config, snakemake.params.settings
    device, category = "cuda" if config["training"]["gpus"] else "cpu", snakemake.wildcards.category
    template_map = TemplateMap.read(Path(inputs.model), Path(inputs.fitted), inputs.manifests, device)
    shapes = manifests.usable(sorted(template_map.codes), inputs.manifests, inputs.surfaces)
    surfaces = Surfaces(inputs.surfaces, settings["synset"], shapes)
    paths = annotation_files.labels_of(Path(config["labels"]), category, settings["synset"], surfaces)
    labelled = read_labels(paths, category, template_map, surfaces, Limits(**config["limits"]))
    archive = Path(snakemake.output.archive)
    LabelTransfer(template_map, labelled).write(archive, surfaces, PreparedMeshes(inputs.meshes))
    job.log.info("the labels of %d shapes transferred to %d", len(labelled), len(shapes))
