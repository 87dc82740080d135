# Signed distances, from which training learns, and surface points, with which evaluation compares.


rule sdf:
    input:
        manifest="results/data/{category}/{shard}/manifest.json",
        meshes="results/data/{category}/{shard}/meshes.zip",
    output:
        archive=update("results/data/{category}/{shard}/sdf.zip"),
    log:
        "results/logs/sdf/{category}_{shard}.log",
    benchmark:
        "results/benchmarks/sdf/{category}_{shard}.tsv"
    priority: PRIORITY["sdf"]
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    # not in params, because it concerns only what is still to be made: `on_bad_mesh`
    params:
        settings=settings(sdf=config["sdf"], seed=config["seed"]),
        code=code("sdf.py"),
    message:
        "sampling distances of {wildcards.category}, {wildcards.shard}"
    script:
        "../../scripts/sdf.py"


rule surface:
    input:
        manifest="results/data/{category}/{shard}/manifest.json",
        meshes="results/data/{category}/{shard}/meshes.zip",
    output:
        archive=update("results/data/{category}/{shard}/surface.zip"),
    log:
        "results/logs/surface/{category}_{shard}.log",
    benchmark:
        "results/benchmarks/surface/{category}_{shard}.tsv"
    priority: PRIORITY["surface"]
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    # not in params, because it concerns only what is still to be made: `on_bad_mesh`
    params:
        settings=settings(surface=config["surface"], sdf=part("sdf", "directions"), seed=config["seed"]),
        code=code("surface.py"),
    message:
        "sampling surfaces of {wildcards.category}, {wildcards.shard}"
    script:
        "../../scripts/surface.py"
