"""Samples one shape's signed distances."""

from pathlib import Path

from template3d.data import prepared_meshes, samples
from template3d.geometry import meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime import randomness


def one_shape(archive: Path, member: str, normalization: Normalization, settings: dict) -> dict[str, bytes]:
    """Sample the distances of a prepared mesh in the unit sphere, into DeepSDF's file.

    Raises InputError if the mesh has no inside.
    """
    (synset, shape), prepared = prepared_meshes.ids(member), prepared_meshes.read(archive, member)
    mesh = prepared.mesh
    mesh = meshes.transformed(mesh, normalization.to_unit(mesh.vertices))
    distances = sdf.sample_sdf(mesh, rng=randomness.generator(shape, settings["seed"], "distances"), **settings["sdf"])
    dropped = settings["sdf"]["count"] - sum(map(len, distances.values()))
    return {samples.member_name(synset, shape): samples.to_bytes(distances, dropped)}
