"""Meshes: checks, removal of duplicate faces, surface samples, and the formats that results are written in."""

import hashlib
from io import BytesIO

import numpy as np
import trimesh

from template3d.runtime.errors import InputError


def used_vertices(mesh: trimesh.Trimesh) -> np.ndarray:
    """The vertices (V, 3) that faces use; files may hold others too."""
    return mesh.vertices[np.unique(mesh.faces)]


def flaw(mesh: trimesh.Trimesh) -> str | None:
    """The flaw, in words, that makes a mesh unfit for rays and views; None if it has none."""
    if len(mesh.faces) and (mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices)):
        return "has faces that name missing vertices"
    return vertex_flaw(used_vertices(mesh)) or (None if mesh.area > 0 else "has no area")


def vertex_flaw(vertices: np.ndarray) -> str | None:
    """The flaw, in words, of the vertices (V, 3) that faces use; None if rays and views can use them."""
    if len(vertices) == 0:
        return "has no faces"
    broken = int((~np.isfinite(vertices)).any(axis=1).sum())
    if broken:
        return f"has {broken} non-finite vertices"
    if np.ptp(vertices, axis=0).max() == 0:
        return "is a single point"
    return None


def transformed(mesh: trimesh.Trimesh, vertices: np.ndarray) -> trimesh.Trimesh:
    """A mesh with the same faces and other vertices (V, 3)."""
    return trimesh.Trimesh(vertices, mesh.faces, process=False)


def distinct(triangles: np.ndarray, appearances: np.ndarray | None = None) -> np.ndarray:
    """Mask (F,) of the triangles (F, 3, 3) to keep so that no duplicates remain; bool.

    Triangles coincide if they have the same three corners, to within a millionth of the extent of all triangles. If
    they also have the same appearance (equal entries of ``appearances``, (F,)), only the first is kept. If their
    appearances differ, the first of each winding is kept. Triangles with two equal corners are dropped.
    """
    appearances = np.zeros(len(triangles), dtype=int) if appearances is None else appearances
    corners = triangles.reshape(-1, 3)
    grain = max(np.ptp(corners, axis=0).max(initial=0), np.finfo(np.float32).tiny) * 1e-6
    _, corner = np.unique(np.round(corners / grain).astype(np.int64), axis=0, return_inverse=True)
    corner = corner.reshape(-1, 3)
    rows, first = np.arange(len(corner)), corner.argmin(axis=1)
    lowest, after, before = (corner[rows, (first + turn) % 3] for turn in range(3))
    low, high = np.minimum(after, before), np.maximum(after, before)
    _, group = np.unique(np.stack([lowest, low, high], axis=1), axis=0, return_inverse=True)
    group = group.reshape(-1)
    solid = (lowest < low) & (low < high)
    # the index of the first triangle of each group, by winding; len(triangles) if there is none
    firsts = np.full((2, group.max(initial=-1) + 1), len(triangles))
    for winding in (0, 1):
        wound = rows[solid & ((after > before) == winding)]
        np.minimum.at(firsts[winding], group[wound], wound)
    both = (firsts < len(triangles)).all(axis=0)
    differ = both.copy()
    differ[both] = appearances[firsts[0, both]] != appearances[firsts[1, both]]
    mask = np.zeros(len(triangles) + 1, dtype=bool)
    mask[firsts.min(axis=0)] = True
    mask[firsts[:, differ]] = True
    return mask[:-1]


def fingerprint(mesh: trimesh.Trimesh) -> str:
    """A digest, 16 hexadecimal digits, of a mesh's set of triangles, in whatever order and winding, as float32."""
    corners = np.asarray(mesh.triangles, np.float32).reshape(-1, 3)
    _, corner = np.unique(corners, axis=0, return_inverse=True)
    triangles = np.unique(np.sort(corner.reshape(-1, 3), axis=1), axis=0)
    positions = np.unique(corners, axis=0) + np.float32(0)  # no negative zeros
    return hashlib.sha256(positions.tobytes() + triangles.astype(np.int64).tobytes()).hexdigest()[:16]


def without_doubles(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A mesh without duplicate faces, whatever their winding.

    Raises InputError if all faces are slivers thinner than a millionth of the mesh.
    """
    mask = distinct(mesh.triangles)
    if not mask.any():
        raise InputError("the mesh has only faces without area")
    return trimesh.Trimesh(mesh.vertices, mesh.faces[mask], process=False)


def sample_surface(mesh: trimesh.Trimesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random points (count, 3) on a mesh, uniform by area, and the normals (count, 3) of their faces."""
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=rng)
    return np.asarray(points), mesh.face_normals[faces]


def ply_bytes(mesh: trimesh.Trimesh) -> bytes:
    """A mesh as a binary PLY file."""
    content = mesh.export(file_type="ply")
    assert isinstance(content, bytes)
    return content


def glb_bytes(mesh: trimesh.Trimesh) -> bytes:
    """A mesh with faces as a binary glTF file with vertex normals; y is up in glTF and in ShapeNet's frame."""
    content = mesh.export(file_type="glb", include_normals=True)
    assert isinstance(content, bytes)
    return content


def obj_bytes(mesh: trimesh.Trimesh) -> bytes:
    """A mesh as an OBJ file, with the colours of its vertices if it has any."""
    content = mesh.export(file_type="obj", include_normals=False)
    assert isinstance(content, str)
    return content.encode()


def stl_bytes(mesh: trimesh.Trimesh) -> bytes:
    """A mesh as a binary STL file, which has no colours."""
    content = mesh.export(file_type="stl")
    assert isinstance(content, bytes)
    return content


WRITERS = {".glb": glb_bytes, ".obj": obj_bytes, ".ply": ply_bytes, ".stl": stl_bytes}
"""The formats in which a mesh is written, by the suffix of the file."""


def read_glb(content: bytes) -> trimesh.Trimesh:
    """The mesh, with the colours of its vertices, from the bytes of a GLB file that ``glb_bytes`` wrote."""
    scene = trimesh.load_scene(BytesIO(content), file_type="glb", process=False)
    (mesh,) = scene.geometry.values()
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


def read_ply(content: bytes) -> trimesh.Trimesh:
    """A mesh from the bytes of a PLY file; without faces if the file has none."""
    mesh = trimesh.load(BytesIO(content), file_type="ply", process=False)
    return mesh if isinstance(mesh, trimesh.Trimesh) else trimesh.Trimesh()
