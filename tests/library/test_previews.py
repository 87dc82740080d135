import numpy as np
import trimesh
from template3d.rendering import cameras, previews


def test_up_is_up_and_sides_are_as_the_cameras_have_them():
    right = cameras.View(0, 24, 3).world_to_camera()[0, :3]
    assert right @ [1, 0, 0] < 0  # seen from its front, an object's +x is at the left of the picture
    post = trimesh.creation.box([0.2, 1.0, 0.2]).apply_translation([0, 0.4, 0])
    foot = trimesh.creation.box([0.8, 0.1, 0.2]).apply_translation([0.3, -0.1, 0])
    seen = previews.shaded(trimesh.util.concatenate([post, foot]), 96, azimuth_deg=0) < 255
    rows, columns = np.nonzero(seen.any(axis=1))[0], np.nonzero(seen.any(axis=0))[0]
    middle = (rows[0] + rows[-1]) // 2
    assert seen[:middle].any(axis=0).sum() < seen[middle:].any(axis=0).sum() / 2  # the wide foot is below
    assert 48 - columns[0] > 2 * (columns[-1] - 48)  # and reaches to the left


def test_an_empty_mesh_is_a_white_picture():
    assert (previews.shaded(trimesh.Trimesh(), 32) == 255).all()
