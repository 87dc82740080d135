# Meshes: the built-in ones, if the configuration selects them, and the check of every mesh before it is used.

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
            settings=settings(demo=config["demo"], seed=config["seed"], synsets=SYNSETS),
            code=code("demo_shapes.py"),
        message:
            "making the demo shapes"
        script:
            "../../scripts/demo_shapes.py"


rule check:
    input:
        meshes=meshes_of,
    output:
        manifest="results/data/{category}/{shard}/check.json",
    log:
        "results/logs/check/{category}_{shard}.log",
    benchmark:
        "results/benchmarks/check/{category}_{shard}.tsv"
    priority: PRIORITY["check"]
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    # not in params, because they concern only what is still to be made: `limits`, `on_bad_mesh`
    params:
        settings=lambda wildcards: settings(
            shapes=SHARDS[wildcards.category][wildcards.shard], sdf=part("sdf", "directions")
        ),
        code=code("check.py"),
    message:
        "checking the meshes of {wildcards.category}, {wildcards.shard}"
    script:
        "../../scripts/check.py"
