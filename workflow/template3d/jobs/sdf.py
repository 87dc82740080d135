"""Samples one shape's signed distances."""

from pathlib import Path

from template3d.data import samples, shapenet
from template3d.geometry import meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime import randomness


def one_shape(file: Path, normalization: Normalization, settings: dict) -> dict[str, bytes]:
    """Sample the distances of a mesh in the unit sphere, into DeepSDF's file; raises InputError if it has no inside."""
    synset, shape = shapenet.ids(file)
    mesh = meshes.load(file)
    mesh = meshes.transformed(mesh, normalization.to_unit(mesh.vertices))
    distances = sdf.sample_sdf(mesh, rng=randomness.generator(shape, settings["seed"], "distances"), **settings["sdf"])
    return {samples.member_name(synset, shape): samples.to_bytes(distances)}
