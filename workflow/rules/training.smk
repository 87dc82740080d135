# Training, per category. Phase 1: template, warp and codes; phase 2: the image encoder.
# Contrastive pretraining and end-to-end training will stand here as two further rules.


rule train_embeddings:
    input:
        manifests=lambda wildcards: shards_of(wildcards.category, "train", "check.json"),
        samples=lambda wildcards: shards_of(wildcards.category, "train", "sdf.zip"),
    output:
        model="results/models/{category}/embeddings/model.safetensors",
        description="results/models/{category}/embeddings/model.json",
        history="results/models/{category}/embeddings/history.csv",
    log:
        "results/logs/train_embeddings/{category}.log",
    benchmark:
        "results/benchmarks/train_embeddings/{category}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 4
    resources:
        mem_mb=16000,
        runtime=2880,
        gpu=1,
    params:
        settings=lambda wildcards: settings(
            phase1=config["phase1"],
            seed=config["seed"],
            synset=SYNSETS[wildcards.category],
            shapes=SPLITS[wildcards.category]["train"],
        ),
        code=code("train_embeddings.py"),
    message:
        "training template, warp and codes of {wildcards.category}"
    script:
        "../../scripts/train_embeddings.py"


rule train_encoder:
    input:
        manifests=lambda wildcards: shards_of(wildcards.category, "train", "check.json"),
        views=lambda wildcards: shards_of(wildcards.category, "train", *view_archives(config["phase2"]["views"])),
        embeddings="results/models/{category}/embeddings/model.safetensors",
        description="results/models/{category}/embeddings/model.json",
    output:
        model="results/models/{category}/two_phase/model.safetensors",
        description="results/models/{category}/two_phase/model.json",
        history="results/models/{category}/two_phase/history.csv",
    log:
        "results/logs/train_encoder/{category}.log",
    benchmark:
        "results/benchmarks/train_encoder/{category}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 4
    resources:
        mem_mb=16000,
        runtime=1440,
        gpu=1,
    params:
        settings=settings(phase2=config["phase2"], encoder=config["encoder"], seed=config["seed"]),
        code=code("train_encoder.py"),
    message:
        "training the image encoder of {wildcards.category}"
    script:
        "../../scripts/train_encoder.py"
