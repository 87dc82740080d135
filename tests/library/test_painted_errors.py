from io import BytesIO

import numpy as np
import pytest
import trimesh
from template3d.report import colours, painted_errors

BLUE, RED = colours.of_distances(np.array([0.0, 1.0]), painted_errors.LAST_COLOUR_DISTANCE)


@pytest.fixture
def files():
    """The files of a reconstruction of two balls: one is in its place, and the other is where nothing is."""
    here, there, lacking = (trimesh.creation.icosphere(4, 0.1) for _ in range(3))
    there.apply_translation([0.4, 0, 0])
    lacking.apply_translation([-0.4, 0, 0])
    truth = np.concatenate([here.vertices, lacking.vertices])
    return painted_errors.files(trimesh.util.concatenate([here, there]), truth, 20_000, np.random.default_rng(0))


def loaded(files, name):
    return trimesh.load(BytesIO(files[name]), file_type=name.rpartition(".")[2], force="scene").dump()[0]


@pytest.mark.parametrize("form", ["ply", "glb"])
def test_the_reconstruction_is_red_where_nothing_is(files, form):
    mesh = loaded(files, f"precision.{form}")
    assert len(mesh.faces)
    colour = mesh.visual.vertex_colors[:, :3].astype(int)
    assert np.abs(colour[mesh.vertices[:, 0] < 0.2] - BLUE).max() <= 1
    assert np.abs(colour[mesh.vertices[:, 0] > 0.2] - RED).max() <= 1


@pytest.mark.parametrize("form", ["ply", "glb"])
def test_the_truth_is_red_where_the_reconstruction_lacks_it(files, form):
    cloud = loaded(files, f"recall.{form}")
    colour = cloud.colors[:, :3].astype(int)
    assert np.abs(colour[cloud.vertices[:, 0] < -0.2] - RED).max() <= 1
    bluish = colour[cloud.vertices[:, 0] > -0.2]  # 20,000 points are near the truth's, but not at the same places
    assert bluish[:, 0].max() < 80 < RED[0]


def test_colours_do_not_change_beyond_the_farthest_distance():
    np.testing.assert_array_equal(*colours.of_distances(np.array([0.05, 3.0]), 0.05))
