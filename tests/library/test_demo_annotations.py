import numpy as np
import pytest
import trimesh
from template3d.data.demo import annotations
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.geometry import sdf, visibility

CATEGORIES = list(demo_shapes.FAMILIES)


def joined(shape):
    return trimesh.util.concatenate([part.mesh for part in demo_meshes.build(shape)])


@pytest.mark.parametrize("category", CATEGORIES)
def test_keypoints_lie_on_the_surface_that_is_seen(category):
    shapes = demo_shapes.parameters(category, 12, seed=3)
    names = list(annotations.keypoints(shapes[0]))
    assert len(names) >= 9
    for shape in shapes:
        keypoints, mesh = annotations.keypoints(shape), joined(shape)
        assert list(keypoints) == names
        points = np.stack(list(keypoints.values()))
        assert sdf.unsigned_distances(mesh, points).max() < 1e-6
        assert len(np.unique(points.round(6), axis=0)) == len(points)
        seen = visibility.escapes(visibility.Scene(mesh), points * (1 + 1e-4), 200)
        assert seen.all(), np.array(names)[~seen]


@pytest.mark.parametrize("category", CATEGORIES)
def test_left_and_right_are_mirror_images(category):
    """All parts but a sofa's chaise have a twin across the plane x = 0 of the file, which moves in ShapeNet's frame."""
    keypoints = annotations.keypoints(demo_shapes.parameters(category, 1, seed=0)[0])
    middle = np.mean([keypoints[name][0] for name in keypoints if name.startswith(("leg", "wing"))])
    for name, left in keypoints.items():
        if name.endswith("_left") and "chaise" not in name:
            right = keypoints[name.removesuffix("left") + "right"]
            np.testing.assert_allclose(left[1:], right[1:], atol=1e-9)
            assert left[0] - middle == pytest.approx(middle - right[0])
            assert left[0] < right[0]


def test_keypoints_follow_the_parameters():
    shape = demo_shapes.parameters("chairs", 1, seed=0)[0]
    points = annotations.keypoints(shape)
    scale = np.linalg.norm(points["seat_front_left"] - points["seat_front_right"]) / shape["width"]
    feet = points["leg_back_left"] - points["leg_front_left"]
    assert feet[2] / scale == pytest.approx(shape["depth"] - 0.1 + 2 * shape["leg_splay"])
    rise = points["back_top_left"] - points["seat_front_left"]
    assert rise[1] / scale == pytest.approx(shape["back_height"] - 0.02)
    plane = demo_shapes.parameters("planes", 1, seed=0)[0]
    tips = annotations.keypoints(plane)
    span, length = tips["wing_tip_right"][0] - tips["wing_tip_left"][0], tips["tail"][2] - tips["nose"][2]
    assert span / length == pytest.approx(plane["span"] / plane["length"])


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_point_of_a_piece_has_its_part(category):
    """Samples of a piece that touch no other piece, so that their part is not a matter of taste."""
    shape = demo_shapes.parameters(category, 1, seed=1)[0]
    built = demo_meshes.build(shape)
    names = {annotations.part_name(category, part) for part in built}
    assert names == set(annotations.parts(shape, np.concatenate([part.mesh.triangles_center for part in built])))
    assert not names & {"inside", "cover", "antenna"}
    for index, part in enumerate(built):
        points, _ = trimesh.sample.sample_surface(part.mesh, 50, seed=np.random.default_rng(0))
        others = trimesh.util.concatenate([other.mesh for at, other in enumerate(built) if at != index])
        points = points[sdf.unsigned_distances(others, points) > 1e-3]
        assert set(annotations.parts(shape, points)) <= {annotations.part_name(category, part)}
