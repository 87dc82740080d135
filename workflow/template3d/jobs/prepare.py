"""Prepares one shape: reads its mesh, checks and measures it, and computes its normalization."""

import json
from pathlib import Path

from template3d.data import prepared_meshes, shapenet
from template3d.geometry import measures, meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime.limits import USUAL, Limits


def one_shape(file: Path, directions: int = sdf.DIRECTIONS, limits: Limits = USUAL) -> dict[str, bytes]:
    """Read a mesh and check that it has an inside; returns the files of its triangles and of its manifest entry.

    ``directions`` is that of ``sdf.signed_distances``. Raises InputError if the mesh is unusable or too large.
    """
    synset, shape = shapenet.ids(file)
    if file.is_file():
        limits.check_mesh(file)
    prepared = prepared_meshes.read_obj(file)
    mesh = prepared.mesh
    limits.check_faces(file, len(mesh.faces))
    normalization = Normalization.of(mesh)
    sdf.check_inside(meshes.transformed(mesh, normalization.to_unit(mesh.vertices)), directions)
    entry = normalization.to_json() | measures.measure(mesh, directions) | {"geometry": meshes.fingerprint(mesh)}
    return {
        prepared_meshes.member_name(synset, shape): prepared.to_bytes(),
        prepared_meshes.entry_name(synset, shape): json.dumps(entry).encode(),
    }
