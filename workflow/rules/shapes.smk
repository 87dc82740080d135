# Meshes: the demo's, if selected, and `prepare`, which reads every mesh once.

if config["shapenet"] == "demo":

    rule demo_shapes:
        output:
            meshes=[
                mesh_file(category, shape)
                for category in CATEGORIES
                for split in ("train", "test")
                for shape in SPLITS[category][split]
            ],
            materials=[
                str(Path(mesh_file(category, shape)).with_suffix(".mtl"))
                for category in CATEGORIES
                for split in ("train", "test")
                for shape in SPLITS[category][split]
            ],
        log:
            "results/logs/demo_shapes.log",
        benchmark:
            "results/benchmarks/demo_shapes.tsv"
        conda:
            "../../envs/data.yaml"
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=growing(30),
        params:
            settings=settings(demo=part("demo", "train", "test"), seed=config["seed"], synsets=SYNSETS),
            code=code("demo_shapes.py"),
        message:
            "making the demo shapes"
        script:
            "../../scripts/demo_shapes.py"


rule prepare:
    input:
        meshes=meshes_of,
    output:
        archive=update("results/data/{category}/{shard}/meshes.zip"),
        manifest="results/data/{category}/{shard}/manifest.json",
    log:
        "results/logs/prepare/{category}_{shard}.log",
    benchmark:
        "results/benchmarks/prepare/{category}_{shard}.tsv"
    priority: PRIORITY["prepare"]
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    # not in params, because they concern only what is still to be made: `limits`, `on_bad_mesh`
    params:
        settings=lambda wildcards: settings(
            shapes=SHARDS[wildcards.category][wildcards.shard],
            synset=SYNSETS[wildcards.category],
            meshes=config["meshes"],
            sdf=part("sdf", "directions"),
            known_faults=known_faults(wildcards),
        ),
        code=code("prepare.py"),
    message:
        "preparing the meshes of {wildcards.category}, {wildcards.shard}"
    script:
        "../../scripts/prepare.py"
