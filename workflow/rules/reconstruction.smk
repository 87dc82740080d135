# Reconstruction: from views to meshes, and the template by itself.


rule extract_template:
    input:
        model="results/models/{category}/embeddings/model.safetensors",
        description="results/models/{category}/embeddings/model.json",
    output:
        mesh="results/templates/{category}/two_phase.ply",
    log:
        "results/logs/extract_template/{category}.log",
    benchmark:
        "results/benchmarks/extract_template/{category}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 4
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=1,
    params:
        settings=settings(meshing=config["meshing"]),
        code=code("extract_template.py"),
    message:
        "extracting the template of {wildcards.category}"
    script:
        "../../scripts/extract_template.py"


rule reconstruct:
    input:
        model="results/models/{category}/two_phase/model.safetensors",
        description="results/models/{category}/two_phase/model.json",
        manifests=lambda wildcards: shards_of(wildcards.category, wildcards.split, "check.json"),
        views=lambda wildcards: shards_of(wildcards.category, wildcards.split, f"{config['reconstruct']['views']}.zip"),
    output:
        archive="results/reconstructions/{category}/two_phase/{views}_{split}.zip",
    log:
        "results/logs/reconstruct/{category}_{views}_{split}.log",
    benchmark:
        "results/benchmarks/reconstruct/{category}_{views}_{split}.tsv"
    conda:
        "../../envs/template3d.yaml"
    threads: 4
    resources:
        mem_mb=8000,
        runtime=480,
        gpu=1,
    params:
        settings=lambda wildcards: settings(
            meshing=config["meshing"],
            reconstruct=part("reconstruct", "views", "fixed_view"),
            views=part("views", config["reconstruct"]["views"]),
            seed=config["seed"],
            shapes=reconstructed_shapes(wildcards.category, wildcards.split),
        ),
        code=code("reconstruct.py"),
    message:
        "reconstructing {wildcards.split} shapes of {wildcards.category} from a {wildcards.views} view"
    script:
        "../../scripts/reconstruct.py"
