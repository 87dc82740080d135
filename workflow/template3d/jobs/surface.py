"""Samples one shape's ground truth: its surface and its volume."""

from pathlib import Path

import numpy as np

from template3d.data import ground_truth, prepared_meshes
from template3d.geometry import meshes, visibility
from template3d.geometry.normalization import Normalization
from template3d.runtime import randomness

ROOM = 0.1
"""Margin around a shape's box for volume points, as a share of the box's longest side."""


def one_shape(archive: Path, member: str, normalization: Normalization, settings: dict) -> dict[str, bytes]:
    """Sample a prepared mesh in ShapeNet's frame: the files of its visible surface, volume and normalization."""
    (synset, shape), prepared = prepared_meshes.ids(member), prepared_meshes.read(archive, member)
    rng = randomness.generator(shape, settings["seed"], "surface")
    mesh = meshes.without_doubles(prepared.mesh)
    surface_settings, directions = settings["surface"], settings["sdf"]["directions"]
    points, normals = visibility.sample_visible(mesh, surface_settings["points"], directions, rng)
    low, high = points.min(axis=0), points.max(axis=0)
    room = ROOM * (high - low).max()
    volume = rng.uniform(low - room, high + room, size=(surface_settings["volume_points"], 3)).astype(np.float32)
    inside = ~visibility.escapes(visibility.Scene(mesh), volume, directions)
    return {
        ground_truth.member_name(synset, shape): ground_truth.to_bytes(points, normals),
        ground_truth.volume_name(synset, shape): ground_truth.volume_to_bytes(volume, inside),
        ground_truth.normalization_name(synset, shape): normalization.to_bytes(),
    }
