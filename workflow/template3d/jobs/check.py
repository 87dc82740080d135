"""What the check makes of one shape: its normalization, or the reason why it cannot be used."""

from pathlib import Path

from template3d.geometry import meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime.limits import USUAL, Limits


def one_shape(file: Path, limits: Limits = USUAL) -> Normalization:
    """Read a mesh, find its normalization and make sure that it has an inside.

    Raises InputError if the mesh is not fit for use, or too large.
    """
    if file.is_file():
        limits.check_mesh(file)
    mesh = meshes.load(file)
    limits.check_faces(file, len(mesh.faces))
    normalization = Normalization.of(mesh)
    sdf.check_inside(meshes.transformed(mesh, normalization.to_unit(mesh.vertices)))
    return normalization
