# Uses of the template: labels transferred from one shape to all, and shapes between two shapes.


rule transfer_labels:
    input:
        model=model_of(TRAINED_METHODS[0]),
        description=model_of(TRAINED_METHODS[0], "model.json"),
        fitted="results/reconstructions/{category}/code_fit/test.zip",
        manifests=lambda wildcards: shards_of(wildcards.category, "both", "manifest.json"),
        surfaces=lambda wildcards: shards_of(wildcards.category, "both", "surface.zip"),
    output:
        archive="results/transfer/{category}.zip",
    log:
        "results/logs/transfer_labels/{category}.log",
    benchmark:
        "results/benchmarks/transfer_labels/{category}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
        gpu=TRAINING["gpus"],
    # not in params, because they rerun nothing: `training`, `limits`
    params:
        settings=lambda wildcards: settings(synset=SYNSETS[wildcards.category]),
        labels=lambda wildcards: settings(labels=label_digests(wildcards.category)),
        code=code("transfer_labels.py"),
    message:
        "transferring labels to all {wildcards.category}"
    script:
        "../../scripts/transfer_labels.py"


rule transfer:
    input:
        transferred,


rule interpolate:
    input:
        model=f"results/models/{{category}}/{TRAINED_METHODS[0]}/model.safetensors",
        description=f"results/models/{{category}}/{TRAINED_METHODS[0]}/model.json",
    output:
        strip="results/pictures/{category}_between.png",
        pdf="results/pictures/{category}_between.pdf",
        animation="results/pictures/{category}_between.gif",
    log:
        "results/logs/interpolate/{category}.log",
    benchmark:
        "results/benchmarks/interpolate/{category}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=lambda wildcards: settings(
            isosurface=config["isosurface"], ends=spread(SPLITS[wildcards.category]["train"], 2)
        ),
        code=code("interpolate.py"),
    message:
        "drawing shapes between two {wildcards.category}"
    script:
        "../../scripts/interpolate.py"


rule interpolations:
    input:
        expand(rules.interpolate.output, category=TRAINED_CATEGORIES),
