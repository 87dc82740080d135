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


# Every product, not only the last ones: so a result that was deleted is missed, and made again.
rule all:
    default_target: True
    input:
        rules.data.input,
        expand(rules.train_embeddings.output, category=CATEGORIES) if "two_phase" in METHODS else [],
        expand(
            [
                "results/models/{category}/{method}/model.safetensors",
                "results/models/{category}/{method}/model.json",
                "results/models/{category}/{method}/history.csv",
                rules.extract_template.output.mesh,
                "results/reconstructions/{category}/{method}/{part}.zip",
                "results/metrics/{category}/{method}_{part}.csv",
            ],
            category=CATEGORIES,
            method=METHODS,
            part=("fixed_test", "random_test"),
        ),
        expand(rules.evaluate_baselines.output, category=CATEGORIES),
        rules.table1.output,
        rules.table2.output,
        expand([*rules.picture.output, *rules.loss_curves.output], category=CATEGORIES),
