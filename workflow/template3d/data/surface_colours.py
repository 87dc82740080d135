"""The colours of a textured or painted mesh, sampled on its surface."""

import tempfile
from pathlib import Path

import numpy as np
import trimesh

from template3d.data import mesh_folders, prepared_meshes, textures
from template3d.data.materials import Material
from template3d.runtime.limits import USUAL, Limits

POINTS = 50_000
"""Samples of a mesh: about one in 0.5 % of the diagonal on shapes of ShapeNet."""


def sampled(file: Path, limits: Limits = USUAL) -> tuple[np.ndarray, np.ndarray]:
    """Points (POINTS, 3) on the surface of a mesh file, uniform by area, and their colours (POINTS, 3) uint8 in sRGB.

    A colour is that of the texture or of the material, without light. A link stands for the mesh that it leads to, so
    materials and textures are beside that. The points are the same whenever the file is read. Raises InputError,
    naming the file, for a mesh that cannot be used or is too large.
    """
    file = file.resolve()
    prepared = prepared_meshes.read_file(file, limits=limits)
    points, faces = trimesh.sample.sample_surface(prepared.mesh, POINTS, seed=np.random.default_rng(0))
    shares = trimesh.triangles.points_to_barycentric(prepared.mesh.triangles[faces], points)
    colours = np.empty((POINTS, 3))
    with tempfile.TemporaryDirectory() as folder:
        materials = mesh_folders.read_materials(file, prepared.mtllib_lines, Path(folder), limits).by_name
        for index in np.unique(prepared.material):
            name = prepared.material_names[index] if index >= 0 else ""
            those = prepared.material[faces] == index
            uv = (shares[those, :, None] * prepared.uv[faces[those]]).sum(axis=1) if len(prepared.uv) else None
            colours[those] = _colours(materials.get(name, Material()), uv, limits)
    return np.asarray(points), (255 * colours).round().astype(np.uint8)


def _colours(material: Material, uv: np.ndarray | None, limits: Limits) -> np.ndarray:
    """Colours in sRGB, in [0, 1]: (3,), or those (N, 3) of a texture at texture coordinates (N, 2), which repeats."""
    texture = material.texture
    image = textures.decode(texture.file, texture.file, limits) if texture and uv is not None else None
    if texture is None or uv is None or image is None:
        return textures.to_srgb(np.asarray(material.colour))
    pixels = np.asarray(image.convert("RGB"))
    across, up = ((uv * texture.scale + texture.offset) % 1).T
    rows = ((1 - up) * len(pixels)).astype(int).clip(0, len(pixels) - 1)
    columns = (across * pixels.shape[1]).astype(int).clip(0, pixels.shape[1] - 1)
    return pixels[rows, columns] / 255
