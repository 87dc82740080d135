"""What the sampling of surfaces makes of one shape."""

from pathlib import Path

import numpy as np

from template3d import meshes, shapenet, surfaces, visibility

ROOM = 0.1
"""Around a shape's box, as a share of its longest side, in which volume points lie too."""


def one_shape(file: Path, way: meshes.Normalization, settings: dict) -> dict[str, bytes]:
    """Sample a mesh in ShapeNet's frame; the files are its visible surface, its volume, the way to the unit sphere."""
    synset, shape = shapenet.ids(file)
    rng = shapenet.generator(shape, settings["seed"], "surface")
    mesh = meshes.without_doubles(meshes.load(file))
    asked, directions = settings["surface"], settings["sdf"]["directions"]
    points, normals = visibility.sample_visible(mesh, asked["points"], directions, rng)
    low, high = points.min(axis=0), points.max(axis=0)
    room = ROOM * (high - low).max()
    volume = rng.uniform(low - room, high + room, size=(asked["volume_points"], 3)).astype(np.float16)
    inside = ~visibility.escapes(visibility.Scene(mesh), volume, directions)
    return {
        surfaces.member_name(synset, shape): surfaces.to_bytes(points, normals),
        surfaces.volume_name(synset, shape): surfaces.volume_to_bytes(volume, inside),
        surfaces.normalization_name(synset, shape): way.to_bytes(),
    }
