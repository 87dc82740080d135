# Meshes: the demo's, if selected, and `prepare`, which reads every mesh once.

import functools

from template3d.runtime import digests

KNOWN_FAULTS = shapenet.known_faults(BASE / "resources/known_faults.csv")


def mesh_file(category, shape):
    """The path of a demo shape's mesh, as text."""
    return str(LOCATIONS[category][shape].file)


@functools.cache
def shard_locations(category, shard):
    """Where the meshes of a shard are; shapes without a mesh are left out."""
    found = LOCATIONS[category]
    return [found[shape] for shape in SHARDS[category][shard] if shape in found]


def meshes_of(wildcards):
    """The files that hold the meshes of a shard, each once."""
    found = (mesh_folders.files_of(location) for location in shard_locations(wildcards.category, wildcards.shard))
    return list(dict.fromkeys(str(file) for files in found for file in files))


def known_faults(wildcards):
    """The known faults of ShapeNet's shapes, by shape, of those in a shard."""
    faults = KNOWN_FAULTS.get(SYNSETS[wildcards.category], {})
    return {shape: faults[shape] for shape in SHARDS[wildcards.category][wildcards.shard] if shape in faults}


def demo_materials(wildcards):
    """The material files of the demo shapes of a shard, known before they are made; none of your own meshes."""
    if config["shapenet"] != "demo":
        return []
    return [str(Path(mesh).with_suffix(".mtl")) for mesh in meshes_of(wildcards)]


@functools.cache
def material_digests(category, shard):
    """Digests of the material and texture files of your own meshes in a shard, by file.

    They are params, not input files, because two rules watch them: Snakemake would need 0.1 ms for each.
    """
    if config["shapenet"] == "demo":
        return {}
    files = [file for found in shard_locations(category, shard) for file in mesh_folders.appearance_files(found)]
    cache = Path(".snakemake/material_digests") / category / f"{shard}.json"
    return {str(file): digest for file, digest in digests.of_files(dict.fromkeys(files), cache).items()}


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
