# Reconstruction: from views to meshes, and the template by itself.


rule extract_template:
    input:
        model=lambda wildcards: decoder_of(wildcards.method)(wildcards),
        description=lambda wildcards: decoder_of(wildcards.method, "model.json")(wildcards),
    output:
        mesh="results/templates/{category}/{method}.ply",
    log:
        "results/logs/extract_template/{category}_{method}.log",
    benchmark:
        "results/benchmarks/extract_template/{category}_{method}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=settings(isosurface=config["isosurface"]),
        code=code("extract_template.py"),
    message:
        "extracting the template of {wildcards.category}, {wildcards.method}"
    script:
        "../../scripts/extract_template.py"


rule reconstruct:
    input:
        model=lambda wildcards: model_of(wildcards.method)(wildcards),
        description=lambda wildcards: model_of(wildcards.method, "model.json")(wildcards),
        manifests=lambda wildcards: shards_of(wildcards.category, wildcards.split, "manifest.json"),
        views=lambda wildcards: shards_of(
            wildcards.category, wildcards.split, *(f"{kind}.zip" for kind in kinds_of(wildcards.split))
        ),
    output:
        archive=update("results/reconstructions/{category}/{method}/{split}.zip"),
    log:
        "results/logs/reconstruct/{category}_{method}_{split}.log",
    benchmark:
        "results/benchmarks/reconstruct/{category}_{method}_{split}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(960),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=lambda wildcards: settings(
            isosurface=config["isosurface"],
            view_choices=[
                [kind, choice] for kind in kinds_of(wildcards.split) for choice in choices_of(wildcards.split)
            ],
            views=part("views", *kinds_of(wildcards.split)),
            shapes=reconstructed_shapes(wildcards.category, wildcards.split),
            seed=config["seed"],
            reconstruct=part("reconstruct", "fixed_view", *["views", "random_views"] * (wildcards.split == "test")),
        ),
        code=code("reconstruct.py"),
    message:
        "reconstructing {wildcards.split} shapes of {wildcards.category}, {wildcards.method}"
    script:
        "../../scripts/reconstruct.py"


rule fit_codes:
    input:
        model=decoder_of(TRAINED_METHODS[0]),
        description=decoder_of(TRAINED_METHODS[0], "model.json"),
        manifests=lambda wildcards: shards_of(wildcards.category, "test", "manifest.json"),
        samples=lambda wildcards: shards_of(wildcards.category, "test", "sdf.zip"),
    output:
        archive="results/reconstructions/{category}/code_fit/test.zip",
    log:
        "results/logs/fit_codes/{category}.log",
    benchmark:
        "results/benchmarks/fit_codes/{category}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=training_mb,
        runtime=growing(480),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=lambda wildcards: settings(
            evaluate=part("evaluate", "fit"),
            phase1=part("phase1", "clamp"),
            isosurface=config["isosurface"],
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            shapes=SPLITS[wildcards.category]["test"],
        ),
        code=code("fit_codes.py"),
    message:
        "fitting codes to the test shapes of {wildcards.category}"
    script:
        "../../scripts/fit_codes.py"
