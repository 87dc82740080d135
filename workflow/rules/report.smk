# What people look at: the tables, a picture per category, the template, the loss curves.

STAGES = ["embeddings", "two_phase"] if "two_phase" in METHODS else []
if "end_to_end" in METHODS:
    STAGES += ["contrastive"] * (config["end_to_end"]["weights"] == "contrastive") + ["end_to_end"]


rule table1:
    input:
        metrics=expand(
            "results/metrics/{category}/{part}.csv",
            category=CATEGORIES,
            part=[f"{METHODS[0]}_fixed_test", f"{METHODS[0]}_random_test", "baselines_test"],
        ),
    output:
        csv=report(
            "results/tables/table1.csv",
            caption="../report/table1.rst",
            category="Tables",
            labels={"what": "Table 1", "form": "CSV"},
        ),
        markdown="results/tables/table1.md",
    log:
        "results/logs/table1.log",
    benchmark:
        "results/benchmarks/table1.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings(categories=CATEGORIES),
        code=code("table1.py"),
    message:
        "writing Table 1"
    script:
        "../../scripts/table1.py"


rule table2:
    input:
        metrics=expand(
            "results/metrics/{category}/{method}_{views}_test.csv",
            category=CATEGORIES,
            method=METHODS,
            views=("fixed", "random"),
        ),
    output:
        csv=report(
            "results/tables/table2.csv",
            caption="../report/table2.rst",
            category="Tables",
            labels={"what": "Table 2", "form": "CSV"},
        ),
        markdown="results/tables/table2.md",
    log:
        "results/logs/table2.log",
    benchmark:
        "results/benchmarks/table2.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings(categories=CATEGORIES),
        code=code("table2.py"),
    message:
        "writing Table 2"
    script:
        "../../scripts/table2.py"


rule picture:
    input:
        test=expand("results/reconstructions/{{category}}/{method}/fixed_test.zip", method=METHODS),
        train=expand("results/reconstructions/{{category}}/{method}/fixed_train.zip", method=METHODS),
        templates=expand("results/templates/{{category}}/{method}.ply", method=METHODS),
        views=lambda wildcards: shards_of(wildcards.category, "both", f"{config['reconstruct']['views']}.zip"),
        metrics=expand("results/metrics/{{category}}/{method}_fixed_test.csv", method=METHODS),
        meshes=pictured_meshes,
    output:
        picture=report(
            "results/pictures/{category}.png",
            caption="../report/picture.rst",
            category="Pictures",
            labels={"what": "{category}", "form": "rgb, truth, reconstruction"},
        ),
        template=report(
            "results/pictures/{category}_template.png",
            caption="../report/template.rst",
            category="Pictures",
            labels={"what": "{category}", "form": "template"},
        ),
    log:
        "results/logs/picture/{category}.log",
    benchmark:
        "results/benchmarks/picture/{category}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=lambda wildcards: settings(
            shapes={split: pictured_shapes(wildcards.category, split) for split in ("train", "test")},
            synset=SYNSETS[wildcards.category],
            reconstruct=part("reconstruct", "views", "fixed_view"),
            methods=METHODS,
        ),
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
    log:
        "results/logs/loss_curves/{category}.log",
    benchmark:
        "results/benchmarks/loss_curves/{category}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings(stages=STAGES),
        code=code("loss_curves.py"),
    message:
        "drawing the loss curves of {wildcards.category}"
    script:
        "../../scripts/loss_curves.py"
