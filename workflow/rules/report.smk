# What people look at: the table, a picture per category, the template, the loss curves.


rule table1:
    input:
        metrics=expand(
            "results/metrics/{category}/{part}.csv",
            category=CATEGORIES,
            part=("two_phase_fixed_test", "two_phase_random_test", "baselines_test"),
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


rule picture:
    input:
        test="results/reconstructions/{category}/two_phase/fixed_test.zip",
        train="results/reconstructions/{category}/two_phase/fixed_train.zip",
        template="results/templates/{category}/two_phase.ply",
        views=lambda wildcards: shards_of(wildcards.category, "both", f"{config['reconstruct']['views']}.zip"),
        metrics="results/metrics/{category}/two_phase_fixed_test.csv",
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
        ),
        code=code("picture.py"),
    message:
        "picturing {wildcards.category}"
    script:
        "../../scripts/picture.py"


rule loss_curves:
    input:
        embeddings="results/models/{category}/embeddings/history.csv",
        encoder="results/models/{category}/two_phase/history.csv",
    output:
        figure=report(
            "results/pictures/{category}_losses.png",
            caption="../report/losses.rst",
            category="Loss curves",
            labels={"what": "{category}", "form": "loss of both phases"},
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
        code=code("loss_curves.py"),
    message:
        "drawing the loss curves of {wildcards.category}"
    script:
        "../../scripts/loss_curves.py"
