# Evaluation: every listed shape, on one ruler, beside the baselines.


rule evaluate:
    input:
        reconstructions="results/reconstructions/{category}/{method}/{views}_{split}.zip",
        manifests=lambda wildcards: shards_of(wildcards.category, wildcards.split, "check.json"),
        surfaces=lambda wildcards: shards_of(wildcards.category, wildcards.split, "surface.zip"),
    output:
        metrics="results/metrics/{category}/{method}_{views}_{split}.csv",
    log:
        "results/logs/evaluate/{category}_{method}_{views}_{split}.log",
    benchmark:
        "results/benchmarks/evaluate/{category}_{method}_{views}_{split}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=lambda wildcards: settings(
            evaluate=part("evaluate", "points"),
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            shapes=reconstructed_shapes(wildcards.category, wildcards.split),
        ),
        code=code("evaluate.py"),
    message:
        "evaluating {wildcards.split} shapes of {wildcards.category}, {wildcards.views} view, {wildcards.method}"
    script:
        "../../scripts/evaluate.py"


rule evaluate_baselines:
    input:
        template=f"results/templates/{{category}}/{METHODS[0]}.ply",
        manifests=lambda wildcards: shards_of(wildcards.category, "both", "check.json"),
        train_surfaces=lambda wildcards: shards_of(wildcards.category, "train", "surface.zip"),
        test_surfaces=lambda wildcards: shards_of(wildcards.category, "test", "surface.zip"),
    output:
        metrics="results/metrics/{category}/baselines_test.csv",
    log:
        "results/logs/evaluate_baselines/{category}.log",
    benchmark:
        "results/benchmarks/evaluate_baselines/{category}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        settings=lambda wildcards: settings(
            evaluate=config["evaluate"],
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            splits=SPLITS[wildcards.category],
        ),
        code=code("evaluate_baselines.py"),
    message:
        "evaluating the baselines of {wildcards.category}"
    script:
        "../../scripts/evaluate_baselines.py"
