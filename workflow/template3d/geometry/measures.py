"""Measures of a mesh that say how sound it is: pieces, open edges, hidden faces."""

import numpy as np
import trimesh

from template3d.geometry import visibility
from template3d.geometry.meshes import sample_surface, without_doubles

PROBES = 2000
"""Surface points from which the hidden share is estimated."""


def measure(mesh: trimesh.Trimesh, directions: int) -> dict[str, float | int | bool | list[float]]:
    """Measure a mesh, after duplicate faces are dropped and vertices at the same position merged.

    * ``faces``: triangles.
    * ``components``: pieces that share no vertex.
    * ``watertight``: whether every edge has exactly two faces.
    * ``open_edges``: edges with one face.
    * ``hidden_share``: the share of the area that cannot be seen from outside in any of ``directions``, estimated.
    * ``extent``: the size of the box, [x, y, z], in the mesh's unit.

    Raises InputError if all faces are slivers.
    """
    merged = without_doubles(mesh)
    merged.merge_vertices(merge_tex=True, merge_norm=True)
    points, normals = sample_surface(merged, PROBES, np.random.default_rng(0))
    scene, aside = visibility.Scene(merged), visibility.PROBE_OFFSET * merged.scale
    hidden = ~visibility.escapes(scene, points + aside * normals, directions)
    hidden[hidden] = ~visibility.escapes(scene, (points - aside * normals)[hidden], directions)
    return {
        "faces": len(merged.faces),
        "components": int(merged.body_count),
        "watertight": bool(merged.is_watertight),
        "open_edges": len(trimesh.grouping.group_rows(merged.edges_sorted, require_count=1)),
        "hidden_share": round(float(hidden.mean()), 4),
        "extent": np.round(merged.extents, 6).tolist(),
    }
