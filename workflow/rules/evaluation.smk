# Evaluation: every listed shape, by the same measures as the baselines.


rule evaluate:
    input:
        reconstructions="results/reconstructions/{category}/{method}/{split}.zip",
        manifests=lambda wildcards: shards_of(wildcards.category, wildcards.split, "manifest.json"),
        surfaces=lambda wildcards: shards_of(wildcards.category, wildcards.split, "surface.zip"),
        views=lambda wildcards: shards_of(
            wildcards.category, wildcards.split, *(f"{kind}.zip" for kind in kinds_of(wildcards.split))
        ),
        meshes=lambda wildcards: shards_of(wildcards.category, wildcards.split, "meshes.zip"),
    output:
        metrics="results/metrics/{category}/{method}_{split}.csv",
    log:
        "results/logs/evaluate/{category}_{method}_{split}.log",
    benchmark:
        "results/benchmarks/evaluate/{category}_{method}_{split}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=lambda wildcards: settings(
            evaluate=part("evaluate", "points"),
            sdf=part("sdf", "directions"),
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            shapes=reconstructed_shapes(wildcards.category, wildcards.split),
            view_choices=[
                [kind, choice] for kind in kinds_of(wildcards.split) for choice in choices_of(wildcards.split)
            ],
        ),
        code=code("evaluate.py"),
    message:
        "evaluating {wildcards.split} shapes of {wildcards.category}, {wildcards.method}"
    script:
        "../../scripts/evaluate.py"


rule evaluate_baselines:
    input:
        template=f"results/templates/{{category}}/{TRAINED_METHODS[0]}.ply",
        model=model_of(TRAINED_METHODS[0]),
        description=model_of(TRAINED_METHODS[0], "model.json"),
        fitted="results/reconstructions/{category}/code_fit/test.zip",
        reconstructions=f"results/reconstructions/{{category}}/{TRAINED_METHODS[0]}/test.zip",
        manifests=lambda wildcards: compared_shards(wildcards.category, "manifest.json"),
        train_surfaces=lambda wildcards: shards_of(model_category(wildcards.category), "train", "surface.zip"),
        test_surfaces=lambda wildcards: shards_of(wildcards.category, "test", "surface.zip"),
        train_meshes=lambda wildcards: shards_of(model_category(wildcards.category), "train", "meshes.zip"),
        test_meshes=lambda wildcards: shards_of(wildcards.category, "test", "meshes.zip"),
        views=lambda wildcards: shards_of(wildcards.category, "test", *(f"{kind}.zip" for kind in kinds_of("test"))),
    output:
        metrics="results/metrics/{category}/baselines_test.csv",
    log:
        "results/logs/evaluate_baselines/{category}.log",
    benchmark:
        "results/benchmarks/evaluate_baselines/{category}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(600),
    params:
        settings=lambda wildcards: settings(
            evaluate=part("evaluate", "points", "average_over"),
            sdf=part("sdf", "directions"),
            seed=config["seed"],
            synsets={
                "train": SYNSETS[model_category(wildcards.category)],
                "test": SYNSETS[wildcards.category],
            },
            splits=compared_splits(wildcards.category),
            model_of=model_category(wildcards.category),
        ),
        code=code("evaluate_baselines.py"),
    message:
        "evaluating the baselines of {wildcards.category}"
    script:
        "../../scripts/evaluate_baselines.py"


rule paint_errors:
    input:
        reconstructions="results/reconstructions/{category}/{method}/test.zip",
        manifests=lambda wildcards: shards_of(wildcards.category, "test", "manifest.json"),
        surfaces=lambda wildcards: shards_of(wildcards.category, "test", "surface.zip"),
    output:
        archive=update("results/errors/{category}/{method}.zip"),
    log:
        "results/logs/paint_errors/{category}_{method}.log",
    benchmark:
        "results/benchmarks/paint_errors/{category}_{method}.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=lambda wildcards: settings(
            evaluate=part("evaluate", "points"),
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            shapes=SPLITS[wildcards.category]["test"],
        ),
        code=code("paint_errors.py"),
    message:
        "painting the errors of {wildcards.category}, {wildcards.method}"
    script:
        "../../scripts/paint_errors.py"


rule errors:
    input:
        expand("results/errors/{category}/{method}.zip", category=CATEGORIES, method=TRAINED_METHODS),


# Whole runs of this workflow, one after another, each with all cores.
rule seeds:
    log:
        "results/logs/seeds.log",
    localrule: True
    conda:
        "../../envs/report.yaml"
    threads: workflow.cores
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        snakefile=str(BASE / "Snakefile"),
        runs=config["seeds"],
        shapes=SPLITS,
        elsewhere=lambda wildcards: workflow.non_local_exec,
    message:
        "running the workflow with {params.runs} seeds"
    script:
        "../../scripts/seeds.py"
