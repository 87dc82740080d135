"""The check of one shape: computes its normalization, or reports its flaw."""

from pathlib import Path

from template3d.geometry import meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime.limits import USUAL, Limits


def one_shape(file: Path, directions: int = sdf.DIRECTIONS, limits: Limits = USUAL) -> Normalization:
    """Read a mesh, check that it has an inside, and compute its normalization.

    ``directions`` is that of ``sdf.signed_distances``. Raises InputError if the mesh is unusable or too large.
    """
    if file.is_file():
        limits.check_mesh(file)
    mesh = meshes.load(file)
    limits.check_faces(file, len(mesh.faces))
    normalization = Normalization.of(mesh)
    sdf.check_inside(meshes.transformed(mesh, normalization.to_unit(mesh.vertices)), directions)
    return normalization
