import numpy as np
import pytest
import trimesh
from template3d.data import surface_colours
from template3d.geometry import meshes
from template3d.report import painted_shapes

BOX = trimesh.creation.box((0.5, 0.6, 0.3))


def checkers(points):
    """Cubes of 0.05 in two colours; their borders are off the faces of BOX."""
    odd = np.floor(20 * points + 0.37).sum(axis=1) % 2 == 1
    return np.where(odd[:, None], [[250, 10, 20]], [[5, 200, 240]]).astype(np.uint8)


@pytest.mark.parametrize("cuts", [0, 5])
def test_a_texture_shows_the_colours_of_its_places(cuts, tmp_path):
    mesh = BOX
    for _ in range(cuts):
        mesh = mesh.subdivide()
    file = tmp_path / "box.glb"
    file.write_bytes(meshes.glb_bytes(painted_shapes.textured(mesh, checkers)))
    points, colours = surface_colours.sampled(file)
    assert (colours == checkers(points)).all(axis=1).mean() > 0.95  # the others are at the borders


def test_a_texture_of_one_colour_has_no_other_where_a_viewer_interpolates():
    made = painted_shapes.textured(BOX, lambda points: np.tile(np.uint8([10, 20, 30]), (len(points), 1)))
    image = np.asarray(made.visual.material.baseColorTexture)
    used = np.zeros(image.shape[:2], bool)
    across, up = (made.visual.uv * image.shape[0] - 0.5).T
    for column, row in zip(across, image.shape[0] - 1 - up, strict=True):
        used[int(row) : int(np.ceil(row)) + 1, int(column) : int(np.ceil(column)) + 1] = True
    assert (image[used] == [10, 20, 30]).all()
    np.testing.assert_allclose(made.area, BOX.area)


def test_large_meshes_get_small_squares():
    mesh = trimesh.creation.icosphere(6, 0.4)
    made = painted_shapes.textured(mesh, lambda points: np.zeros((len(points), 3), np.uint8))
    assert made.visual.material.baseColorTexture.size[0] ** 2 <= 1.1 * painted_shapes.PIXELS
