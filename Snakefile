# From a folder of meshes to templates, reconstructions, tables and pictures.
#   snakemake                   makes all of it; what is up to date stays
#   snakemake data              only views, distances and surfaces, of every listed shape
#   snakemake contact_sheets    pictures from which one look tells whether these are right
#   snakemake why               what would run now, and the cause of each job
#   snakemake export            the same as plain folders, under results/export

from pathlib import Path


configfile: Path(workflow.basedir) / "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/shapes.smk"
include: "workflow/rules/views.smk"
include: "workflow/rules/distances.smk"
include: "workflow/rules/inspection.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/reconstruction.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


rule data:
    input:
        rules.failures.input,
        rules.failures.output,


rule all:
    default_target: True
    input:
        rules.data.input,
        "results/tables/table1.csv",
        expand("results/pictures/{category}.png", category=CATEGORIES),
        expand("results/pictures/{category}_template.png", category=CATEGORIES),
        expand("results/pictures/{category}_losses.png", category=CATEGORIES),
