# From a folder of meshes to templates, reconstructions, tables and pictures.
#   snakemake            makes all of it; what is up to date stays
#   snakemake data       only views, distances and surfaces, of every listed shape

from pathlib import Path


configfile: Path(workflow.basedir) / "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/shapes.smk"
include: "workflow/rules/views.smk"
include: "workflow/rules/distances.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/reconstruction.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


rule data:
    input:
        [
            shard_file(category, shard, product)
            for category in CATEGORIES
            for shard in SHARDS[category]
            for product in ("easy.zip", "hard.zip", "sdf.zip", "surface.zip")
        ],


rule all:
    default_target: True
    input:
        rules.data.input,
        "results/tables/table1.csv",
        expand("results/pictures/{category}.png", category=CATEGORIES),
        expand("results/pictures/{category}_template.png", category=CATEGORIES),
        expand("results/pictures/{category}_losses.png", category=CATEGORIES),
