# From a folder of meshes to templates, reconstructions, tables and pictures.
#   snakemake                   makes all of it, except what is up to date
#   snakemake data              makes only views, distances and surfaces, of every listed shape
#   snakemake contact_sheets    makes pictures to check these by eye
#   snakemake why               prints which jobs would run now, and why
#   snakemake accept            takes results as current whose code changed, after a change that does not matter
#   snakemake seeds             repeats all of it with other seeds, and says how much of a difference is luck
#   snakemake export            unzips the data into plain folders, under results/export
#   snakemake transfer          transfers labels and keypoints of a shape to its category; `correspondence` measures how well
#   snakemake interpolations    makes pictures and animations of the shapes between two shapes

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


configfile: Path(workflow.basedir) / "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/mesh_files.smk"
include: "workflow/rules/user_files.smk"
include: "workflow/rules/training_runs.smk"
include: "workflow/rules/shapes.smk"
include: "workflow/rules/views.smk"
include: "workflow/rules/distances.smk"
include: "workflow/rules/inspection.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/reconstruction.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/photos.smk"
include: "workflow/rules/template.smk"
include: "workflow/rules/hooks.smk"


report: "workflow/report/workflow.rst"


rule data:
    input:
        rules.failures.input,
        rules.failures.output,
        rules.shapes_table.output,
    message:
        "views, distances and surfaces are ready"


# Every product, not only the last ones, so that a deleted result is made again.
rule all:
    default_target: True
    input:
        rules.data.input,
        expand(rules.train_embeddings.output, category=TRAINED_CATEGORIES) if "two_phase" in TRAINED_METHODS else [],
        expand(rules.train_end_to_end.output, category=TRAINED_CATEGORIES, run=end_to_end_runs()),
        expand(rules.train_encoder.output if "two_phase" in TRAINED_METHODS else [], category=TRAINED_CATEGORIES),
        expand(
            [*rules.reconstruct.output, *rules.evaluate.output],
            category=CATEGORIES,
            method=TRAINED_METHODS,
            split="test",
        ),
        expand(rules.extract_template.output, category=CATEGORIES, method=TRAINED_METHODS),
        expand([*rules.fit_codes.output, *rules.evaluate_baselines.output], category=CATEGORIES),
        rules.table1.output,
        rules.table2.output,
        expand(rules.loss_curves.output, category=TRAINED_CATEGORIES),
        expand(rules.photos.output, category=[name for name in CATEGORIES if photos_of(name)]),
        expand([*rules.picture.output, *rules.codes_figure.output, *rules.errors_figure.output], category=CATEGORIES),
        rules.gallery.output,
    message:
        "tables, pictures and gallery are ready"
