# Training, per category. Two-phase: template, warp and codes first, then the image encoder. End-to-end: all of it from
# images, after contrastive pretraining. Checkpoints and TensorBoard's files are not declared as outputs, so that
# Snakemake keeps them when a job fails.


rule train_embeddings:
    input:
        manifests=lambda wildcards: shards_of(wildcards.category, "train", "manifest.json"),
        samples=lambda wildcards: [] if config["phase1"]["from"] else shards_of(wildcards.category, "train", "sdf.zip"),
        published=lambda wildcards: published_experiment(wildcards.category),
    output:
        model="results/models/{category}/embeddings/model.safetensors",
        description="results/models/{category}/embeddings/model.json",
        history="results/models/{category}/embeddings/history.csv",
    log:
        "results/logs/train_embeddings/{category}.log",
    benchmark:
        "results/benchmarks/train_embeddings/{category}.tsv"
    priority: PRIORITY["training"]
    conda:
        "../../envs/training.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=training_mb,
        runtime=growing(2880),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=lambda wildcards: settings(
            phase1=config["phase1"],
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            shapes=SPLITS[wildcards.category]["train"],
        ),
        code=code("train_embeddings.py"),
        checkpoint="results/checkpoints/{category}/embeddings.safetensors",
        board="results/tensorboard/{category}/embeddings",
    message:
        "training template, warp and codes of {wildcards.category}"
    script:
        "../../scripts/train_embeddings.py"


rule synthetic_shapes:
    input:
        embeddings="results/models/{category}/embeddings/model.safetensors",
        description="results/models/{category}/embeddings/model.json",
    output:
        archive=update("results/models/{category}/synthetic/shapes.zip"),
    log:
        "results/logs/synthetic_shapes/{category}.log",
    benchmark:
        "results/benchmarks/synthetic_shapes/{category}.tsv"
    priority: PRIORITY["training"]
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=settings(
            phase2=part("phase2", "synthetic_shapes"),
            isosurface=config["isosurface"],
            split=config["split"],
            seed=config["seed"],
        ),
        code=code("synthetic_shapes.py"),
    message:
        "making synthetic shapes of {wildcards.category}"
    script:
        "../../scripts/synthetic_shapes.py"


rule synthetic_views:
    input:
        shapes="results/models/{category}/synthetic/shapes.zip",
    output:
        archive=update("results/models/{category}/synthetic/views.zip"),
    log:
        "results/logs/synthetic_views/{category}.log",
    benchmark:
        "results/benchmarks/synthetic_views/{category}.tsv"
    priority: PRIORITY["training"]
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
        gpu=RENDER_GPUS,
    # not in params, because it concerns only what is still to be made: `limits`
    params:
        settings=settings(
            phase2=part("phase2", "views"),
            views=part("views", "image_size", "samples", "engine", "device"),
            seed=config["seed"],
        ),
        code=code("synthetic_views.py"),
    message:
        "rendering synthetic shapes of {wildcards.category}"
    script:
        "../../scripts/synthetic_views.py"


rule train_encoder:
    input:
        manifests=lambda wildcards: shards_of(wildcards.category, "train", "manifest.json"),
        views=lambda wildcards: shards_of(wildcards.category, "train", *view_archives(config["phase2"]["views"])),
        synthetic=lambda wildcards: synthetic_archives(wildcards.category, "shapes.zip"),
        synthetic_views=lambda wildcards: synthetic_archives(wildcards.category, "views.zip"),
        embeddings="results/models/{category}/embeddings/model.safetensors",
        description="results/models/{category}/embeddings/model.json",
        weights=encoder_weights(config["encoder"]["weights"]),
    output:
        model="results/models/{category}/two_phase/model.safetensors",
        description="results/models/{category}/two_phase/model.json",
        history="results/models/{category}/two_phase/history.csv",
    log:
        "results/logs/train_encoder/{category}.log",
    benchmark:
        "results/benchmarks/train_encoder/{category}.tsv"
    priority: PRIORITY["training"]
    conda:
        "../../envs/training.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=training_mb,
        runtime=growing(1440),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=settings(
            phase2=phase2_settings(),
            encoder=config["encoder"],
            augmentation=config["augmentation"],
            backgrounds=background_digests(),
            split=config["split"],
            seed=config["seed"],
        ),
        code=code("train_encoder.py"),
        checkpoint="results/checkpoints/{category}/encoder.safetensors",
        board="results/tensorboard/{category}/encoder",
    message:
        "training the image encoder of {wildcards.category}"
    script:
        "../../scripts/train_encoder.py"


rule pretrain_contrastive:
    input:
        manifests=lambda wildcards: shards_of(wildcards.category, "train", "manifest.json"),
        views=lambda wildcards: shards_of(wildcards.category, "train", *view_archives(config["contrastive"]["views"])),
        weights=encoder_weights(config["encoder"]["weights"]),
    output:
        weights="results/models/{category}/contrastive/encoder.safetensors",
        history="results/models/{category}/contrastive/history.csv",
    log:
        "results/logs/pretrain_contrastive/{category}.log",
    benchmark:
        "results/benchmarks/pretrain_contrastive/{category}.tsv"
    priority: PRIORITY["training"] + 1  # the longest chain first
    conda:
        "../../envs/training.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=training_mb,
        runtime=growing(1440),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=lambda wildcards: settings(
            contrastive=config["contrastive"],
            encoder=part("encoder", "backbone", "weights", "image_size", "crop_to_object"),
            phase1=part("phase1", "code_length"),
            split=config["split"],
            seed=config["seed"],
            shapes=SPLITS[wildcards.category]["train"],
        ),
        code=code("pretrain_contrastive.py"),
        checkpoint="results/checkpoints/{category}/contrastive.safetensors",
        board="results/tensorboard/{category}/contrastive",
    message:
        "contrastive pretraining of the encoder of {wildcards.category}"
    script:
        "../../scripts/pretrain_contrastive.py"


# `run` is end_to_end, or, to compare starts (Figures 5 and 6), end_to_end_<start>.
rule train_end_to_end:
    input:
        manifests=lambda wildcards: shards_of(wildcards.category, "train", "manifest.json"),
        samples=lambda wildcards: shards_of(wildcards.category, "train", "sdf.zip"),
        views=lambda wildcards: shards_of(wildcards.category, "train", *view_archives(config["end_to_end"]["views"])),
        weights=lambda wildcards: encoder_weights(start_of(wildcards.run), wildcards.category),
    output:
        model="results/models/{category}/{run}/model.safetensors",
        description="results/models/{category}/{run}/model.json",
        history="results/models/{category}/{run}/history.csv",
    log:
        "results/logs/train_end_to_end/{category}_{run}.log",
    benchmark:
        "results/benchmarks/train_end_to_end/{category}_{run}.tsv"
    priority: PRIORITY["training"] + 1  # the longest chain first
    conda:
        "../../envs/training.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=training_mb,
        runtime=growing(2880),
        gpu=TRAINING["gpus"],
    # not in params, because it changes rounding at most: `training`
    params:
        settings=lambda wildcards: settings(
            end_to_end=end_to_end_settings(wildcards.run),
            phase1=part("phase1", *DECODER_SIZES, *LOSS_NUMBERS),
            encoder=part("encoder", "backbone", "image_size", "crop_to_object"),
            augmentation=config["augmentation"],
            backgrounds=background_digests(),
            split=config["split"],
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            shapes=SPLITS[wildcards.category]["train"],
        ),
        code=code("train_end_to_end.py"),
        checkpoint="results/checkpoints/{category}/{run}.safetensors",
        board="results/tensorboard/{category}/{run}",
    message:
        "training encoder, warp and template of {wildcards.category}: {wildcards.run}"
    script:
        "../../scripts/train_end_to_end.py"


rule export_experiment:
    input:
        model="results/models/{category}/embeddings/model.safetensors",
        description="results/models/{category}/embeddings/model.json",
    output:
        specs="results/export/{category}_deep_implicit_template/specs.json",
        weights="results/export/{category}_deep_implicit_template/ModelParameters/latest.pth",
        codes="results/export/{category}_deep_implicit_template/LatentCodes/latest.pth",
    log:
        "results/logs/export_experiment/{category}.log",
    benchmark:
        "results/benchmarks/export_experiment/{category}.tsv"
    conda:
        "../../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        settings=settings(phase1=part("phase1", "clamp")),
        code=code("export_experiment.py"),
    message:
        "writing phase 1 of {wildcards.category} in the Deep Implicit Templates layout"
    script:
        "../../scripts/export_experiment.py"


rule export_experiments:
    input:
        expand("results/export/{category}_deep_implicit_template/specs.json", category=TRAINED_CATEGORIES),
