import numpy as np
import pytest
import torch
import trimesh
from template3d import meshing


def sphere(points):
    return points.norm(dim=-1) - 0.6


def test_a_sphere_comes_back_as_one():
    mesh = meshing.reconstruct(sphere, resolution=64, coarse=16)
    assert mesh.is_watertight
    assert mesh.euler_number == 2
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.6, atol=1e-3)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.01)  # positive: faces look outward


def test_coarse_to_fine_gives_the_dense_grids_mesh():
    def bent(points):  # slopes between 0.5 and 1, as trained networks have
        return (0.75 + 0.25 * torch.sin(3 * points[:, 0])) * sphere(points)

    skipping = meshing.reconstruct(bent, resolution=48, coarse=12)
    dense = meshing.reconstruct(bent, resolution=48, coarse=48)
    np.testing.assert_allclose(skipping.vertices, dense.vertices, atol=1e-5)
    np.testing.assert_array_equal(skipping.faces, dense.faces)


def test_a_plate_thinner_than_a_coarse_cell_is_found():
    def plate(points):  # a third of a coarse cell thick
        beyond = points.abs() - torch.tensor([0.5, 0.02, 0.5])
        return beyond.clamp(min=0).norm(dim=-1) + beyond.max(dim=-1).values.clamp(max=0)

    mesh = meshing.reconstruct(plate, resolution=128, coarse=16)
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([1.0, 0.04, 1.0], abs=0.02)
    assert mesh.is_watertight


def test_most_of_space_is_never_asked():
    asked = []

    def counted(points):
        asked.append(len(points))
        return sphere(points)

    meshing.reconstruct(counted, resolution=128, coarse=32)
    assert sum(asked) < 128**3 / 4


@pytest.mark.parametrize("everywhere", [1.0, -1.0], ids=["outside", "inside"])
def test_no_surface_is_an_empty_mesh(everywhere):
    mesh = meshing.reconstruct(lambda points: everywhere + 0 * points.sum(dim=-1), resolution=16, coarse=8)
    assert isinstance(mesh, trimesh.Trimesh)
    assert len(mesh.faces) == 0


def test_the_grids_must_fit():
    with pytest.raises(ValueError, match="multiple"):
        meshing.reconstruct(sphere, resolution=50, coarse=32)
