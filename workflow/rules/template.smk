# Uses of the template: labels and keypoints transferred from one shape to all, and shapes between two shapes.


rule transfer_labels:
    input:
        model=model_of(TRAINED_METHODS[0]),
        description=model_of(TRAINED_METHODS[0], "model.json"),
        fitted="results/reconstructions/{category}/code_fit/test.zip",
        manifests=lambda wildcards: shards_of(wildcards.category, "both", "manifest.json"),
        surfaces=lambda wildcards: shards_of(wildcards.category, "both", "surface.zip"),
        meshes=lambda wildcards: shards_of(wildcards.category, "both", "meshes.zip"),
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


rule transfer_keypoints:
    input:
        model=model_of(TRAINED_METHODS[0]),
        description=model_of(TRAINED_METHODS[0], "model.json"),
        fitted="results/reconstructions/{category}/code_fit/test.zip",
        manifests=lambda wildcards: shards_of(wildcards.category, "both", "manifest.json"),
        surfaces=lambda wildcards: shards_of(wildcards.category, "both", "surface.zip"),
        meshes=lambda wildcards: shards_of(wildcards.category, "both", "meshes.zip"),
    output:
        table="results/transfer/{category}_keypoints.csv",
        archive="results/transfer/{category}_keypoints.zip",
    log:
        "results/logs/transfer_keypoints/{category}.log",
    benchmark:
        "results/benchmarks/transfer_keypoints/{category}.tsv"
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
        keypoints=lambda wildcards: settings(keypoints=keypoint_digests(wildcards.category)),
        code=code("transfer_keypoints.py"),
    message:
        "transferring keypoints to all {wildcards.category}"
    script:
        "../../scripts/transfer_keypoints.py"


rule transfer:
    input:
        transferred,


rule evaluate_correspondence:
    input:
        model=model_of(TRAINED_METHODS[0]),
        description=model_of(TRAINED_METHODS[0], "model.json"),
        fitted="results/reconstructions/{category}/code_fit/test.zip",
        manifests=lambda wildcards: shards_of(wildcards.category, "both", "manifest.json"),
        surfaces=lambda wildcards: shards_of(wildcards.category, "both", "surface.zip"),
    output:
        metrics="results/metrics/{category}/correspondence.csv",
    log:
        "results/logs/evaluate_correspondence/{category}.log",
    benchmark:
        "results/benchmarks/evaluate_correspondence/{category}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
        gpu=TRAINING["gpus"],
    # not in params, because they rerun nothing: `training`, `limits`
    params:
        settings=lambda wildcards: settings(
            synset=SYNSETS[wildcards.category],
            splits=SPLITS[wildcards.category],
            sources=config["correspondence"]["sources"],
            demo=part("demo", "train", "test") if config["shapenet"] == "demo" else None,
            seed=config["seed"],
        ),
        labels=lambda wildcards: settings(labels=label_digests(wildcards.category)),
        keypoints=lambda wildcards: settings(keypoints=keypoint_digests(wildcards.category)),
        code=code("evaluate_correspondence.py"),
    message:
        "measuring the correspondence of {wildcards.category}"
    script:
        "../../scripts/evaluate_correspondence.py"


rule correspondence_table:
    input:
        metrics=measured_correspondence,
    output:
        csv="results/tables/correspondence.csv",
        markdown="results/tables/correspondence.md",
        picture="results/pictures/correspondence.png",
        pdf="results/pictures/correspondence.pdf",
    log:
        "results/logs/correspondence_table.log",
    benchmark:
        "results/benchmarks/correspondence_table.tsv"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        code=code("correspondence_table.py"),
    message:
        "writing the table of correspondence"
    script:
        "../../scripts/correspondence_table.py"


rule correspondence:
    input:
        rules.correspondence_table.output,


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
        settings=lambda wildcards: settings(isosurface=config["isosurface"], ends=ends_of(wildcards.category)),
        code=code("interpolate.py"),
    message:
        "drawing shapes between two {wildcards.category}"
    script:
        "../../scripts/interpolate.py"


rule interpolations:
    input:
        lambda wildcards: expand(rules.interpolate.output, category=named_pair()[0] or TRAINED_CATEGORIES),
