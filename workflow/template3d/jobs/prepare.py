"""Prepares one shape: reads its mesh, checks and measures it, and computes its normalization."""

import json
from pathlib import Path

import numpy as np

from template3d.data import mesh_folders, prepared_meshes
from template3d.data.mesh_folders import Location, MeshFolder
from template3d.data.prepared_meshes import PreparedMesh
from template3d.geometry import frames, measures, meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

DIAGONALS = (0.5, 2.0)
"""The smallest and the largest diagonal of a box in ShapeNet's layout. 75 meshes of ShapeNet have 1 within 0.00001; the
range leaves room for files whose box was measured with vertices that no face uses."""
FARTHEST = 1.0
"""The largest distance of the box's centre from the origin, along an axis; the meshes of ShapeNet have up to 0.2."""
FLAT = "or put it into a folder <category>/<name> with meshes.layout flat, which scales and centres it"


def one_shape(
    location: Location,
    synset: str,
    shape: str,
    folder: MeshFolder,
    directions: int = sdf.DIRECTIONS,
    limits: Limits = USUAL,
) -> dict[str, bytes]:
    """Read a mesh and check that it has an inside; returns the files of its triangles and of its manifest entry.

    ``directions`` is that of ``sdf.signed_distances``. Raises InputError if the mesh is unusable or too large, or if it
    is in ShapeNet's layout and has another size or another origin.
    """
    rotation = frames.to_shapenet(folder.up, folder.front)
    with mesh_folders.on_disk(location, limits) as file:
        prepared = prepared_meshes.read_file(file, rotation, folder.layout == "flat", limits)
        if folder.layout == "shapenet":
            _check_box(file, prepared)
    mesh = prepared.mesh
    normalization = Normalization.of(mesh)
    sdf.check_inside(meshes.transformed(mesh, normalization.to_unit(mesh.vertices)), directions)
    entry = normalization.to_json() | measures.measure(mesh, directions) | {"geometry": meshes.fingerprint(mesh)}
    return {
        prepared_meshes.member_name(synset, shape): prepared.to_bytes(),
        prepared_meshes.entry_name(synset, shape): json.dumps(entry).encode(),
    }


def _check_box(file: Path, prepared: PreparedMesh) -> None:
    """Raise InputError unless a mesh has about ShapeNet's size and origin: views and measures are made for these."""
    low, high = prepared.vertices.min(axis=0).astype(float), prepared.vertices.max(axis=0).astype(float)
    diagonal, centre = np.linalg.norm(high - low), (low + high) / 2
    if not DIAGONALS[0] <= diagonal <= DIAGONALS[1]:
        size = f"its box has diagonal {diagonal:.3g}, but in ShapeNet's layout a mesh has 1"
        raise InputError(f"{file}: {size} ({DIAGONALS[0]:g} to {DIAGONALS[1]:g} may be); scale it, {FLAT}")
    if np.abs(centre).max() > FARTHEST:
        where = ", ".join(f"{value:.3g}" for value in centre)
        reason = f"the centre of its box is ({where}), but in ShapeNet's layout a mesh is around the origin"
        raise InputError(f"{file}: {reason}; move it, {FLAT}")
