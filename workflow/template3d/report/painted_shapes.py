"""Meshes that show what was carried to a shape: painted or textured all over, or with a ball at each keypoint."""

from collections.abc import Callable, Mapping

import numpy as np
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from template3d.report import colours

LONGEST_EDGE = 0.03
"""Of a painted mesh, in ShapeNet units: vertices hold the colours, so large triangles are cut."""
LONGEST_TEXTURED_EDGE = 0.06
"""Of a textured mesh, likewise."""
PIXELS = 2**20
"""Most pixels of a texture, unless its triangles need more at SMALLEST_SQUARE."""
SMALLEST_SQUARE, LARGEST_SQUARE = 4, 12
"""Sides of the square of a texture that two triangles share, in pixels."""
RADIUS = 0.012
"""Of the ball at a keypoint, in ShapeNet units."""
GREY = (200, 200, 200, 255)


def painted(mesh: trimesh.Trimesh, colours_at: Callable[[np.ndarray], np.ndarray]) -> trimesh.Trimesh:
    """A mesh whose vertices have the colours (V, 3) uint8 that ``colours_at`` gives for points (V, 3).

    Its triangles are cut until no edge is longer than LONGEST_EDGE.
    """
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, LONGEST_EDGE)
    return trimesh.Trimesh(vertices, faces, vertex_colors=colours_at(vertices), process=False)


def textured(mesh: trimesh.Trimesh, colours_at: Callable[[np.ndarray], np.ndarray]) -> trimesh.Trimesh:
    """A mesh with a texture, whose pixels have the colours (N, 3) uint8 that ``colours_at`` gives for points (N, 3).

    Its triangles are cut until no edge is longer than LONGEST_TEXTURED_EDGE. Two of them share a square of the texture,
    one at each end of its diagonal. Beside the diagonal each is continued by a pixel or two, so that a viewer that
    interpolates between pixels does not mix their colours.
    """
    corners = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, LONGEST_TEXTURED_EDGE)
    triangles = corners[0][corners[1]]
    size = int(np.clip((2 * PIXELS / len(triangles)) ** 0.5, SMALLEST_SQUARE, LARGEST_SQUARE))
    squares = -(-len(triangles) // 2)
    across = int(np.ceil(squares**0.5))
    down, right = np.divmod(np.arange(size**2), size)
    first = down + right <= size - 2  # the pixels of the first triangle; the second one is turned by 180 degrees
    image = np.full((across, across, size**2, 3), 255, np.uint8).reshape(-1, size**2, 3)
    uv = np.empty((len(triangles), 3, 2))
    ends = np.array([[0, 0], [size - 3, 0], [0, size - 3]])
    for turned, pixels in enumerate((first, ~first)):
        those = triangles[turned::2]
        place = np.stack([right, down], axis=1)[pixels]
        place, at = (size - 1 - place, size - 1 - ends) if turned else (place, ends)
        shares = place / (size - 3)
        shares = np.column_stack([1 - shares.sum(axis=1), shares])
        colours_there = colours_at(np.einsum("ps,tsx->tpx", shares, those).reshape(-1, 3))
        image[: len(those), pixels] = colours_there.reshape(len(those), -1, 3)
        row, column = np.divmod(np.arange(len(those)), across)
        uv[turned::2] = size * np.stack([column, row], axis=1)[:, None] + at + 0.5
    side = across * size
    picture = image.reshape(across, across, size, size, 3).swapaxes(1, 2).reshape(side, side, 3)
    uv = np.stack([uv[..., 0], side - uv[..., 1]], axis=-1).reshape(-1, 2) / side
    material = PBRMaterial(baseColorTexture=Image.fromarray(picture), metallicFactor=0.0, roughnessFactor=1.0)
    faces = np.arange(3 * len(triangles)).reshape(-1, 3)
    visual = TextureVisuals(uv=uv, material=material)
    return trimesh.Trimesh(triangles.reshape(-1, 3), faces, visual=visual, process=False)


def marked(mesh: trimesh.Trimesh, keypoints: Mapping[str, np.ndarray]) -> trimesh.Trimesh:
    """A grey mesh with a ball at each keypoint (3,), whose colour is that of its name's rank among the names."""
    grey = np.tile(GREY, (len(mesh.vertices), 1))
    pieces = [trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_colors=grey, process=False)]
    for name, colour in zip(sorted(keypoints), colours.palette(len(keypoints)), strict=True):
        ball = trimesh.creation.icosphere(subdivisions=2, radius=RADIUS)
        ball.apply_translation(keypoints[name])
        ball.visual.vertex_colors = np.tile([*colour, 255], (len(ball.vertices), 1))
        pieces.append(ball)
    joined = trimesh.util.concatenate(pieces)
    assert isinstance(joined, trimesh.Trimesh)  # it may also join other kinds of geometry
    return joined
