"""The triangulation of polygons, convex or not, planar or nearly so."""

import mapbox_earcut
import numpy as np


def triangulate(vertices: np.ndarray, corners: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangulate polygons, convex or concave, without leaving their outlines.

    ``vertices`` (V, 3) are points; ``corners`` (C,) holds the vertices of the polygons, one polygon after the other;
    ``sizes`` (P,) says how many corners each has, three at least. Returns ``triangles`` (T, 3), indices into
    ``corners``, and the polygon (T,) of each triangle, in the order of the polygons. Triangles are wound as their
    polygon is. The cuts depend neither on the first corner nor on the winding, so that duplicate polygons become
    duplicate triangles. A polygon without an area may get no triangle.

    Source: ear clipping, Mapbox's Earcut, in the plane of Newell's normal.
    """
    starts = np.cumsum(sizes) - sizes
    points = vertices[corners]
    threes, fours = np.flatnonzero(sizes == 3), np.flatnonzero(sizes == 4)
    triangles = [starts[threes, None] + np.arange(3), *_quads(points, starts[fours])]
    polygons = [threes, fours, fours]
    for polygon in np.flatnonzero(sizes > 4):
        start = starts[polygon]
        cut = start + _ears(points[start : start + sizes[polygon]])
        triangles.append(cut)
        polygons.append(np.full(len(cut), polygon))
    order = np.argsort(np.concatenate(polygons), kind="stable")
    return np.concatenate(triangles)[order], np.concatenate(polygons)[order]


def _quads(points: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two triangles for each quad, cut along the diagonal that lies inside it; of two, along the shorter one."""
    corners = starts[:, None] + np.arange(4)
    a, b, c, d = (points[corner] for corner in corners.T)
    inside = (np.cross(b - a, c - a) * np.cross(c - a, d - a)).sum(axis=1) >= 0
    other_inside = (np.cross(c - b, d - b) * np.cross(d - b, a - b)).sum(axis=1) >= 0
    length, other = ((c - a) ** 2).sum(axis=1), ((d - b) ** 2).sum(axis=1)
    rank = _ranks(points[corners.reshape(-1)]).reshape(-1, 4)
    shorter = (length < other) | (length == other) & (rank[:, [0, 2]].min(axis=1) < rank[:, [1, 3]].min(axis=1))
    first = np.where(inside == other_inside, shorter, inside)[:, None]
    one, two = np.where(first, [0, 1, 2], [0, 1, 3]), np.where(first, [0, 2, 3], [1, 2, 3])
    return starts[:, None] + one, starts[:, None] + two


def _ears(points: np.ndarray) -> np.ndarray:
    """The triangles (T, 3) of one polygon (N, 3)."""
    rank = _ranks(points)
    order = np.roll(np.arange(len(points)), -int(rank.argmin()))
    backwards = bool(rank[order[1]] > rank[order[-1]])
    if backwards:
        order = np.roll(order[::-1], 1)
    centred = points[order] - points.mean(axis=0)
    normal = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)
    length = np.linalg.norm(normal)
    if not length > 0:
        return np.empty((0, 3), np.int64)
    first = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    second = np.cross(normal, first) / length
    flat = np.ascontiguousarray(centred @ (np.stack([first, second], axis=1) / np.linalg.norm(first)))
    ears = mapbox_earcut.triangulate_float64(flat, np.array([len(flat)], np.uint32)).reshape(-1, 3).astype(np.int64)
    a, b, c = (flat[ears[:, corner]] for corner in range(3))
    clockwise = (b - a)[:, 0] * (c - a)[:, 1] < (b - a)[:, 1] * (c - a)[:, 0]
    return order[np.where((clockwise != backwards)[:, None], ears[:, ::-1], ears)]


def _ranks(points: np.ndarray) -> np.ndarray:
    """The rank (N,) of each point (N, 3) by its coordinates; equal points have equal ranks."""
    return np.unique(points, axis=0, return_inverse=True)[1].reshape(-1)
