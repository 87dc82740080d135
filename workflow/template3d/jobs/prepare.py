"""Prepares one shape: reads its mesh, checks and measures it, and computes its normalization."""

import json

from template3d.data import mesh_folders, prepared_meshes
from template3d.data.mesh_folders import Location, MeshFolder
from template3d.geometry import frames, measures, meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime.limits import USUAL, Limits


def one_shape(
    location: Location,
    synset: str,
    shape: str,
    folder: MeshFolder,
    directions: int = sdf.DIRECTIONS,
    limits: Limits = USUAL,
) -> dict[str, bytes]:
    """Read a mesh and check that it has an inside; returns the files of its triangles and of its manifest entry.

    ``directions`` is that of ``sdf.signed_distances``. Raises InputError if the mesh is unusable or too large.
    """
    rotation = frames.to_shapenet(folder.up, folder.front)
    with mesh_folders.on_disk(location, limits) as file:
        prepared = prepared_meshes.read_file(file, rotation, folder.layout == "flat", limits)
    mesh = prepared.mesh
    normalization = Normalization.of(mesh)
    sdf.check_inside(meshes.transformed(mesh, normalization.to_unit(mesh.vertices)), directions)
    entry = normalization.to_json() | measures.measure(mesh, directions) | {"geometry": meshes.fingerprint(mesh)}
    return {
        prepared_meshes.member_name(synset, shape): prepared.to_bytes(),
        prepared_meshes.entry_name(synset, shape): json.dumps(entry).encode(),
    }
