# Reconstruction: from views to meshes, and the template by itself.


rule extract_template:
    input:
        model=lambda wildcards: decoder_of(wildcards, "model.safetensors"),
        description=lambda wildcards: decoder_of(wildcards, "model.json"),
    output:
        mesh="results/templates/{category}/{method}.ply",
    log:
        "results/logs/extract_template/{category}_{method}.log",
    benchmark:
        "results/benchmarks/extract_template/{category}_{method}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=TRAINING["gpus"],
    params:
        settings=settings(meshing=config["meshing"]),
        code=code("extract_template.py"),
    message:
        "extracting the template of {wildcards.category}, {wildcards.method}"
    script:
        "../../scripts/extract_template.py"


rule reconstruct:
    input:
        model="results/models/{category}/{method}/model.safetensors",
        description="results/models/{category}/{method}/model.json",
        manifests=lambda wildcards: shards_of(wildcards.category, wildcards.split, "check.json"),
        views=lambda wildcards: shards_of(wildcards.category, wildcards.split, f"{config['reconstruct']['views']}.zip"),
    output:
        archive="results/reconstructions/{category}/{method}/{views}_{split}.zip",
    log:
        "results/logs/reconstruct/{category}_{method}_{views}_{split}.log",
    benchmark:
        "results/benchmarks/reconstruct/{category}_{method}_{views}_{split}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: TRAINING["threads"]
    resources:
        mem_mb=8000,
        runtime=480,
        gpu=TRAINING["gpus"],
    params:
        settings=lambda wildcards: settings(
            meshing=config["meshing"],
            reconstruct=part("reconstruct", "views", *["fixed_view"] * (wildcards.views == "fixed")),
            views=part("views", config["reconstruct"]["views"]),
            seed=config["seed"],
            shapes=reconstructed_shapes(wildcards.category, wildcards.split),
        ),
        code=code("reconstruct.py"),
    message:
        "reconstructing {wildcards.split} shapes of {wildcards.category} from a {wildcards.views} view, {wildcards.method}"
    script:
        "../../scripts/reconstruct.py"
