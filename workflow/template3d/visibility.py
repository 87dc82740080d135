"""What can be seen from outside a mesh, by rays."""

import functools

import numpy as np
import open3d
import trimesh

from template3d.errors import InputError

PROBE_OFFSET = 1e-4
"""How far beside a face a probe stands, as a share of the mesh's diagonal."""
PROBES = 20_000
PROBES_PER_FACE = 4


def scene(mesh: trimesh.Trimesh) -> open3d.t.geometry.RaycastingScene:
    """An Embree scene of a mesh."""
    raycasting = open3d.t.geometry.RaycastingScene()
    raycasting.add_triangles(
        open3d.core.Tensor(np.ascontiguousarray(mesh.vertices, dtype=np.float32)),
        open3d.core.Tensor(np.ascontiguousarray(mesh.faces, dtype=np.uint32)),
    )
    return raycasting


def escapes(raycasting: open3d.t.geometry.RaycastingScene, points: np.ndarray, directions: int) -> np.ndarray:
    """For points (N, 3), whether a ray in any of ``directions`` fixed directions leaves the scene; bool (N,).

    A point is outside if it can be seen from far away. A point whose ray escaped is not asked again.
    """
    escaped = np.zeros(len(points), dtype=bool)
    waiting = np.arange(len(points))
    for direction in spread_directions(directions):
        rays = np.empty((len(waiting), 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = points[waiting], direction
        blocked = raycasting.test_occlusions(open3d.core.Tensor(rays)).numpy()
        escaped[waiting[~blocked]] = True
        waiting = waiting[blocked]
        if not len(waiting):
            break
    return escaped


def visible_faces(mesh: trimesh.Trimesh, directions: int) -> np.ndarray:
    """Which faces can be seen from outside, on either side; bool (F,).

    Probes stand just beside each face, more of them on a larger one; a face is visible if any probe's ray escapes.
    """
    rng = np.random.default_rng(0)
    share = mesh.area_faces / mesh.area
    counts = np.maximum(PROBES_PER_FACE, np.ceil(share * PROBES)).astype(int)
    faces = np.repeat(np.arange(len(mesh.faces)), counts)
    corners = mesh.triangles[faces]
    along = np.sqrt(rng.random(len(faces)))[:, None]
    across = rng.random(len(faces))[:, None]
    points = (1 - along) * corners[:, 0] + along * ((1 - across) * corners[:, 1] + across * corners[:, 2])
    aside = PROBE_OFFSET * np.linalg.norm(np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0))
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    raycasting = scene(mesh)
    visible = np.zeros(len(mesh.faces), dtype=bool)
    for side in (1, -1):
        open_faces = ~visible[faces]
        seen = escapes(raycasting, points[open_faces] + side * aside * normals[open_faces], directions)
        visible[faces[open_faces][seen]] = True
    return visible


def visible_surface(mesh: trimesh.Trimesh, directions: int) -> trimesh.Trimesh:
    """A mesh without the faces that nobody outside can see.

    Raises InputError if nothing of it can be seen, which only a mesh inside out of all reason does.
    """
    visible = visible_faces(mesh, directions)
    if not visible.any():
        raise InputError("no face of the mesh can be seen from outside")
    return trimesh.Trimesh(mesh.vertices, mesh.faces[visible], process=False)


@functools.cache
def spread_directions(count: int) -> np.ndarray:
    """Unit vectors (count, 3) spread evenly over the sphere, in an order that changes direction widely."""
    index = np.arange(count)
    height = 1 - (2 * index + 1) / count
    turn = np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - height**2)
    directions = np.stack([radius * np.cos(turn), height, radius * np.sin(turn)], axis=1)
    return directions[np.random.default_rng(0).permutation(count)].astype(np.float32)
