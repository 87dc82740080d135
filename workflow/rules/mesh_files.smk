# The mesh, material and texture files of shards, and the known faults of their shapes.

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
