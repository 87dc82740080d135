# From a folder of meshes to templates, reconstructions, tables and pictures.
#   snakemake                   makes all of it; what is up to date stays
#   snakemake data              only views, distances and surfaces, of every listed shape
#   snakemake contact_sheets    pictures from which one look tells whether these are right
#   snakemake why               what would run now, and the cause of each job
#   snakemake export            the same as plain folders, under results/export
#   snakemake transfer          labels of one shape (resources/labels) carried to all shapes of its category
#   snakemake interpolations    what stands between two shapes, as pictures and animations

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


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
include: "workflow/rules/photos.smk"
include: "workflow/rules/template.smk"


report: "workflow/report/workflow.rst"


rule data:
    input:
        rules.failures.input,
        rules.failures.output,
    message:
        "views, distances and surfaces are there"


# Every product, not only the last ones: so a result that was deleted is missed, and made again.
rule all:
    default_target: True
    input:
        rules.data.input,
        expand(rules.train_embeddings.output, category=CATEGORIES) if "two_phase" in METHODS else [],
        expand(rules.train_end_to_end.output, category=CATEGORIES, run=end_to_end_runs()),
        expand(rules.train_encoder.output if "two_phase" in METHODS else [], category=CATEGORIES),
        expand([*rules.reconstruct.output, *rules.evaluate.output], category=CATEGORIES, method=METHODS, split="test"),
        expand(rules.extract_template.output, category=CATEGORIES, method=METHODS),
        expand([*rules.fit_codes.output, *rules.evaluate_baselines.output], category=CATEGORIES),
        rules.table1.output,
        rules.table2.output,
        expand([*rules.picture.output, *rules.loss_curves.output], category=CATEGORIES),
        expand(rules.photos.output, category=[name for name in CATEGORIES if photos_of(name)]),
        expand([*rules.codes_figure.output, *rules.errors_figure.output], category=CATEGORIES),
        rules.gallery.output,
    message:
        "tables, pictures and gallery are there"
