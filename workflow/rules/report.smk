# Results to look at: the tables, a picture per category, the template, the loss curves.

PICTURED = kinds_of("train")[0]
CODED = ["two_phase"] * ("two_phase" in TRAINED_METHODS) + end_to_end_runs()
STAGES = ["embeddings", "two_phase"] if "two_phase" in TRAINED_METHODS else []
if "end_to_end" in TRAINED_METHODS:
    STAGES += ["contrastive"] * ("contrastive" in map(start_of, end_to_end_runs())) + end_to_end_runs()


rule table1:
    input:
        metrics=expand(
            "results/metrics/{category}/{part}.csv",
            category=CATEGORIES,
            part=[f"{TRAINED_METHODS[0]}_test", "baselines_test"],
        ),
    output:
        csv=report(
            "results/tables/table1.csv",
            caption="../report/table1.rst",
            category="Tables",
            labels={"what": "Table 1", "form": "CSV"},
        ),
        markdown="results/tables/table1.md",
        latex="results/tables/table1.tex",
        protocol="results/tables/protocol.json",
    log:
        "results/logs/table1.log",
    benchmark:
        "results/benchmarks/table1.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=settings(
            categories=CATEGORIES,
            method=TRAINED_METHODS[0],
            published=published("published.csv"),
            published_splits=published("published_splits.csv"),
        ),
        code=code("table1.py"),
    message:
        "writing Table 1"
    script:
        "../../scripts/table1.py"


rule table2:
    input:
        metrics=expand(
            "results/metrics/{category}/{method}_test.csv",
            category=CATEGORIES,
            method=TRAINED_METHODS,
        ),
    output:
        csv=report(
            "results/tables/table2.csv",
            caption="../report/table2.rst",
            category="Tables",
            labels={"what": "Table 2", "form": "CSV"},
        ),
        markdown="results/tables/table2.md",
        latex="results/tables/table2.tex",
    log:
        "results/logs/table2.log",
    benchmark:
        "results/benchmarks/table2.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=settings(categories=CATEGORIES),
        code=code("table2.py"),
    message:
        "writing Table 2"
    script:
        "../../scripts/table2.py"


rule picture:
    input:
        test=expand("results/reconstructions/{{category}}/{method}/test.zip", method=TRAINED_METHODS),
        train=lambda wildcards: [
            f"results/reconstructions/{wildcards.category}/{method}/train.zip"
            for method in TRAINED_METHODS
            if wildcards.category in TRAINED_CATEGORIES
        ],
        templates=expand("results/templates/{{category}}/{method}.ply", method=TRAINED_METHODS),
        views=lambda wildcards: shards_of(wildcards.category, "both", f"{PICTURED}.zip"),
        metrics=expand("results/metrics/{{category}}/{method}_test.csv", method=TRAINED_METHODS),
        meshes=lambda wildcards: shards_of(wildcards.category, "both", "meshes.zip"),
        photos_table=lambda wildcards: (
            f"results/photos/{wildcards.category}/photos.csv" if photos_of(wildcards.category) else []
        ),
    output:
        picture=report(
            "results/pictures/{category}.png",
            caption="../report/picture.rst",
            category="Pictures",
            labels={"what": "{category}", "form": "rgb, truth, reconstruction"},
        ),
        pdf="results/pictures/{category}.pdf",
        template=report(
            "results/pictures/{category}_template.png",
            caption="../report/template.rst",
            category="Pictures",
            labels={"what": "{category}", "form": "template"},
        ),
        template_pdf="results/pictures/{category}_template.pdf",
    log:
        "results/logs/picture/{category}.log",
    benchmark:
        "results/benchmarks/picture/{category}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    # not in params, because it concerns only what is still to be made: `limits`
    params:
        settings=lambda wildcards: settings(
            shapes={
                split: pictured_shapes(wildcards.category, split)
                for split in ("train", "test")
                if SPLITS[wildcards.category][split]
            },
            synset=SYNSETS[wildcards.category],
            kind=PICTURED,
            reconstruct=part("reconstruct", "fixed_view"),
            methods=TRAINED_METHODS,
            photo_methods=photo_methods(wildcards.category),
        ),
        photos=lambda wildcards: settings(photos=photo_digests(wildcards.category)),
        code=code("picture.py"),
    message:
        "picturing {wildcards.category}"
    script:
        "../../scripts/picture.py"


rule loss_curves:
    input:
        histories=expand("results/models/{{category}}/{stage}/history.csv", stage=STAGES),
    output:
        figure=report(
            "results/pictures/{category}_losses.png",
            caption="../report/losses.rst",
            category="Loss curves",
            labels={"what": "{category}", "form": "loss of every stage"},
        ),
        pdf="results/pictures/{category}_losses.pdf",
    log:
        "results/logs/loss_curves/{category}.log",
    benchmark:
        "results/benchmarks/loss_curves/{category}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=settings(
            stages=STAGES,
            starts={run: start_of(run) for run in end_to_end_runs()},
            end_to_end=part("end_to_end", "weights", "compare"),
        ),
        code=code("loss_curves.py"),
    message:
        "drawing the loss curves of {wildcards.category}"
    script:
        "../../scripts/loss_curves.py"


rule codes_figure:
    input:
        models=lambda wildcards: [model_of(run)(wildcards) for run in CODED],
        descriptions=lambda wildcards: [model_of(run, "model.json")(wildcards) for run in CODED],
        manifests=lambda wildcards: compared_shards(wildcards.category, "manifest.json"),
        views=lambda wildcards: compared_shards(wildcards.category, *view_archives()),
    output:
        png=report(
            "results/pictures/{category}_codes.png",
            caption="../report/codes.rst",
            category="Figures",
            labels={"what": "{category}", "form": "codes of the views (t-SNE)"},
        ),
        pdf="results/pictures/{category}_codes.pdf",
    log:
        "results/logs/codes_figure/{category}.log",
    benchmark:
        "results/benchmarks/codes_figure/{category}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=lambda wildcards: settings(
            runs=CODED,
            end_to_end=part("end_to_end", "compare"),
            shapes={split: splits.spread(shapes, 20) for split, shapes in compared_splits(wildcards.category).items()},
            seed=config["seed"],
        ),
        code=code("codes_figure.py"),
    message:
        "drawing the codes of {wildcards.category}"
    script:
        "../../scripts/codes_figure.py"


rule errors_figure:
    input:
        metrics=expand("results/metrics/{{category}}/{method}_test.csv", method=TRAINED_METHODS)
        + ["results/metrics/{category}/baselines_test.csv"],
        reconstructions=f"results/reconstructions/{{category}}/{TRAINED_METHODS[0]}/test.zip",
        views=lambda wildcards: shards_of(wildcards.category, "test", f"{PICTURED}.zip"),
        meshes=lambda wildcards: shards_of(wildcards.category, "test", "meshes.zip"),
    output:
        distribution=report(
            "results/pictures/{category}_errors.png",
            caption="../report/errors.rst",
            category="Figures",
            labels={"what": "{category}", "form": "distribution of errors"},
        ),
        worst=report(
            "results/pictures/{category}_worst.png",
            caption="../report/worst.rst",
            category="Figures",
            labels={"what": "{category}", "form": "the worst shapes"},
        ),
        angles=report(
            "results/pictures/{category}_angles.png",
            caption="../report/angles.rst",
            category="Figures",
            labels={"what": "{category}", "form": "error against view angle"},
        ),
        pdfs=expand("results/pictures/{{category}}_{figure}.pdf", figure=("errors", "worst", "angles")),
    log:
        "results/logs/errors_figure/{category}.log",
    benchmark:
        "results/benchmarks/errors_figure/{category}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=settings(kind=PICTURED, methods=TRAINED_METHODS),
        code=code("errors_figure.py"),
    message:
        "drawing the errors of {wildcards.category}"
    script:
        "../../scripts/errors_figure.py"


# The captions of the figures that the gallery shows, by the end of their files' names, in its order.
CAPTIONS = {
    f"_{name}".removesuffix("_picture"): (BASE / f"workflow/report/{name}.rst").read_text()
    for name in ("picture", "template", "errors", "worst", "angles", "codes", "losses")
}


rule gallery:
    input:
        rules.table1.output,
        rules.table2.output,
        expand(
            [
                *rules.picture.output,
                *rules.codes_figure.output,
                *rules.errors_figure.output,
            ],
            category=CATEGORIES,
        ),
        expand(rules.loss_curves.output, category=TRAINED_CATEGORIES),
        expand("results/templates/{category}/{method}.ply", category=CATEGORIES, method=TRAINED_METHODS),
        expand(
            "results/reconstructions/{category}/{method}/test.zip",
            category=CATEGORIES,
            method=[*TRAINED_METHODS, "code_fit"],
        ),
        expand("results/metrics/{category}/{part}_test.csv", category=CATEGORIES, part=[*TRAINED_METHODS, "baselines"]),
        photos=[f"results/photos/{category}/photos.csv" for category in CATEGORIES if photos_of(category)],
        views=[file for category in CATEGORIES for file in shards_of(category, "test", f"{PICTURED}.zip")],
        manifests=[file for category in CATEGORIES for file in compared_shards(category, "manifest.json")],
        meshes=[file for category in CATEGORIES for file in compared_shards(category, "meshes.zip")],
        surfaces=[file for category in CATEGORIES for file in shards_of(category, "test", "surface.zip")],
    output:
        page=report(
            "results/gallery/index.html",
            caption="../report/gallery.rst",
            category="Gallery",
            labels={"what": "all categories", "form": "shapes to rotate"},
        ),
    log:
        "results/logs/gallery.log",
    benchmark:
        "results/benchmarks/gallery.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    # not in params, because it concerns only what is still to be made: `limits`
    params:
        settings=settings(
            categories=CATEGORIES,
            shapes={category: shown_shapes(category) for category in CATEGORIES},
            methods=TRAINED_METHODS,
            photo_methods={category: photo_methods(category) for category in CATEGORIES},
            model_categories={category: model_category(category) for category in CATEGORIES},
            kind=PICTURED,
            reconstruct=part("reconstruct", "fixed_view"),
            synsets={category: SYNSETS[category] for category in CATEGORIES},
            captions=[[end, text] for end, text in CAPTIONS.items()],
            layout=[digest_of(file) for file in sorted((BASE / "workflow/template3d/report/page").iterdir())],
        ),
        photos=settings(photos={category: photo_digests(category) for category in CATEGORIES}),
        code=code("gallery.py"),
    message:
        "writing the gallery"
    script:
        "../../scripts/gallery.py"
