# Views: each shape, rendered from its easy and its hard cameras.

RENDER_GPUS = int(config["views"]["device"] != "cpu" or config["views"]["engine"] == "eevee")


rule render:
    input:
        manifest="results/data/{category}/{shard}/manifest.json",
        meshes="results/data/{category}/{shard}/meshes.zip",
        materials=demo_materials,
    output:
        archive=update("results/data/{category}/{shard}/{kind}.zip"),
    log:
        "results/logs/render/{category}_{shard}_{kind}.log",
    benchmark:
        "results/benchmarks/render/{category}_{shard}_{kind}.tsv"
    priority: PRIORITY["render"]
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
        gpu=RENDER_GPUS,
    # not in params, because they concern only what is still to be made: `limits`, `on_bad_mesh`
    params:
        settings=lambda wildcards: settings(
            views=part("views", wildcards.kind, "image_size", "samples", "passes", "engine", "device"),
            seed=config["seed"],
        ),
        materials=lambda wildcards: settings(materials=material_digests(wildcards.category, wildcards.shard)),
        code=code("render.py"),
    message:
        "rendering {wildcards.kind} views of {wildcards.category}, {wildcards.shard}"
    script:
        "../../scripts/render.py"
