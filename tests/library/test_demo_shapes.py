from collections import Counter

import numpy as np
import pytest
import trimesh
from template3d.data import obj
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.geometry import meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.runtime.errors import InputError

CATEGORIES = list(demo_shapes.FAMILIES)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_parameter_takes_its_whole_range(category):
    shapes = demo_shapes.parameters(category, 200, seed=0)
    for name, (low, high) in demo_shapes.FAMILIES[category].items():
        values = np.array([shape[name] for shape in shapes])
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high


@pytest.mark.parametrize("category", CATEGORIES)
def test_ids_differ_and_depend_on_the_seed(category):
    splits = demo_shapes.splits(category, 16, 4, seed=0)
    assert len(set(splits["train"] + splits["test"])) == 20
    assert splits == demo_shapes.splits(category, 16, 4, seed=0)
    assert splits != demo_shapes.splits(category, 16, 4, seed=1)


def test_more_shapes_leave_the_first_as_they_are():
    assert demo_shapes.parameters("chairs", 5, seed=0) == demo_shapes.parameters("chairs", 9, seed=0)[:5]


@pytest.mark.parametrize("category", CATEGORIES)
def test_meshes_are_as_messy_as_shapenets(category, tmp_path):
    for shape in demo_shapes.parameters(category, 8, seed=0):
        parts = demo_meshes.build(shape)
        assert 3 <= len(parts) <= 40
        assert len({part.material for part in parts}) >= 2
        assert any(not part.mesh.is_watertight for part in parts)
        demo_meshes.write(shape, tmp_path)
        polygons = obj.read(tmp_path / "model_normalized.obj")
        mesh = trimesh.Trimesh(polygons.vertices, polygons.corners.reshape(-1, 3), process=False)
        assert np.linalg.norm(np.ptp(mesh.vertices, axis=0)) == pytest.approx(1, abs=1e-4)
        written = [line for line in (tmp_path / "model_normalized.obj").read_text().splitlines() if line[:2] == "v "]
        np.testing.assert_allclose(np.array([line.split()[1:] for line in written], float).mean(axis=0), 0, atol=1e-5)
        counts = _face_counts(mesh)
        assert (counts % 2 == 0).all()
        sdf.check_inside(meshes.transformed(mesh, Normalization.of(mesh).to_unit(mesh.vertices)))


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_part_is_inside_out_at_the_ends_of_the_ranges(category):
    family, rng = demo_shapes.FAMILIES[category], np.random.default_rng(0)
    (usual,) = demo_shapes.parameters(category, 1, seed=0)
    for _ in range(100):
        parts = demo_meshes.build(usual | {name: ends[rng.integers(2)] for name, ends in family.items()})
        solids = [part for part in parts if part.mesh.is_watertight]
        assert len(solids) == len(parts) - 1  # all but the sheet
        assert [part.name for part in solids if part.mesh.volume < 1e-6] == []


def _face_counts(mesh: trimesh.Trimesh) -> np.ndarray:
    """How often each triangle occurs in a mesh, with either winding."""
    keys = [tuple(sorted(map(tuple, triangle.round(5)))) for triangle in mesh.triangles]
    return np.array(list(Counter(keys).values()))


def test_the_front_of_a_chair_is_towards_minus_z():
    parts = demo_meshes.build(demo_shapes.parameters("chairs", 1, seed=0)[0])
    back = next(part.mesh for part in parts if part.name == "back")
    seat = next(part.mesh for part in parts if part.name == "seat")
    assert back.centroid[2] > seat.centroid[2]
    assert back.centroid[1] > seat.centroid[1]


def test_a_category_without_demo_shapes_is_named():
    with pytest.raises(InputError, match="no demo shapes of lamps"):
        demo_shapes.splits("lamps", 2, 1, seed=0)
