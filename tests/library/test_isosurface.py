import numpy as np
import pytest
import torch
import trimesh
from template3d.geometry import isosurface
from template3d.networks.template import Template


def dense(signed_distance, resolution):
    """The mesh from every corner of the grid."""
    axis = -1 + torch.arange(resolution + 1) * (2 / resolution)
    with torch.no_grad():
        values = signed_distance(torch.cartesian_prod(axis, axis, axis)).float()
    return isosurface.zero_surface(values.view([resolution + 1] * 3), 1.0)


def sphere(points):
    return points.norm(dim=-1) - 0.6


def test_a_sphere_comes_back_as_one():
    mesh = isosurface.reconstruct(sphere, resolution=64, coarse=16)
    assert mesh.is_watertight
    assert mesh.euler_number == 2
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.6, atol=1e-3)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.01)  # positive: faces look outward


@pytest.mark.parametrize("resolution", [12, 24, 36, 48, 60, 96])
def test_coarse_to_fine_gives_the_dense_grids_mesh(resolution):
    def bent(points):  # slopes between 0.5 and 1, as trained networks have
        return (0.75 + 0.25 * torch.sin(3 * points[:, 0])) * sphere(points)

    skipping = isosurface.reconstruct(bent, resolution, coarse=12)
    every = dense(bent, resolution)
    np.testing.assert_allclose(skipping.vertices, every.vertices, atol=1e-5)
    np.testing.assert_array_equal(skipping.faces, every.faces)


@pytest.mark.parametrize("period", [1, 0.5, 1.05], ids=lambda cells: f"{cells} cells")
def test_slats_between_the_centres_of_coarse_cells_are_not_missed(period):
    def slats(points):  # the exact distance; differences between centres are near 0
        apart = period / 8
        return ((points[:, 0] / apart + 0.1) % 1 - 0.5).abs() * apart - 0.2 * apart

    mesh, every = isosurface.reconstruct(slats, resolution=64, coarse=16), dense(slats, 64)
    assert len(every.faces) > 1000
    np.testing.assert_array_equal(mesh.faces, every.faces)


def test_a_step_between_cells_is_not_missed():
    def step(points):  # flat at the centres of the coarse cells on both sides
        return torch.tanh(150 * sphere(points))

    np.testing.assert_array_equal(isosurface.reconstruct(step, 64, 16).faces, dense(step, 64).faces)


def test_a_plate_thinner_than_a_coarse_cell_is_not_missed():
    def plate(points):  # a third of a coarse cell thick
        beyond = points.abs() - torch.tensor([0.5, 0.02, 0.5])
        return beyond.clamp(min=0).norm(dim=-1) + beyond.max(dim=-1).values.clamp(max=0)

    mesh = isosurface.reconstruct(plate, resolution=128, coarse=16)
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([1.0, 0.04, 1.0], abs=0.02)
    assert mesh.is_watertight


def test_most_of_space_is_never_evaluated():
    evaluated = []

    def counted(points):
        evaluated.append(len(points))
        return sphere(points)

    isosurface.reconstruct(counted, resolution=128, coarse=32)
    assert sum(evaluated) < 128**3 / 4


def test_a_wire_of_half_a_coarse_cell_is_not_missed():
    def wire(points):  # coarse cells are 1/8 wide; half of that thick
        return torch.stack([points[:, 0], points[:, 1]], dim=-1).norm(dim=-1) - 1 / 32

    mesh = isosurface.reconstruct(wire, resolution=128, coarse=16)
    every = dense(wire, 128)
    np.testing.assert_array_equal(mesh.faces, every.faces)
    np.testing.assert_allclose(mesh.vertices, every.vertices, rtol=0, atol=1e-6)  # float32: 16 roundings of 1
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([1 / 16, 1 / 16, 2], abs=1e-3)


def test_a_trained_network_gives_the_dense_grids_mesh_vertex_for_vertex():
    torch.manual_seed(0)
    template = Template([48, 48, 48], 0.0)
    adam = torch.optim.Adam(template.parameters(), lr=5e-3)
    for _ in range(100):
        points = 2 * torch.rand(2048, 3) - 1
        points[::2] *= torch.tensor([0.7, 0.2, 0.6])
        beyond = points.abs() - torch.tensor([0.6, 0.1, 0.5])  # a seat
        true = (beyond.clamp(min=0).norm(dim=-1) + beyond.amax(dim=-1).clamp(max=0)).clamp(-0.1, 0.1)
        loss = (template(points) - true).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    template.eval().double()  # else a distance depends on its batch, by rounding
    evaluated = []

    def counted(points):
        evaluated.append(len(points))
        return template(points)

    sparse = isosurface.reconstruct(counted, resolution=96, coarse=24)
    every = dense(template, 96)
    assert len(every.faces) > 1000
    np.testing.assert_array_equal(sparse.faces, every.faces)
    np.testing.assert_allclose(sparse.vertices, every.vertices, rtol=0, atol=1e-6)  # float32, as grids are
    assert sum(evaluated) < 97**3 / 3


def test_several_shapes_at_once_are_what_each_is_alone():
    radii = torch.tensor([0.3, -1.0, 0.6])  # the second one has no surface

    def spheres(points, owners):
        return points.norm(dim=-1) - radii[owners]

    together = isosurface.reconstruct_all(spheres, 3, resolution=48, coarse=12)
    assert [len(mesh.faces) > 0 for mesh in together] == [True, False, True]
    for radius, mesh in zip(radii, together, strict=True):
        alone = isosurface.reconstruct(lambda points, radius=radius: points.norm(dim=-1) - radius, 48, 12)
        np.testing.assert_array_equal(mesh.faces, alone.faces)
        np.testing.assert_allclose(mesh.vertices, alone.vertices, rtol=0, atol=1e-6)


@pytest.mark.parametrize("everywhere", [1.0, -1.0], ids=["outside", "inside"])
def test_no_surface_is_an_empty_mesh(everywhere):
    mesh = isosurface.reconstruct(lambda points: everywhere + 0 * points.sum(dim=-1), resolution=16, coarse=8)
    assert isinstance(mesh, trimesh.Trimesh)
    assert len(mesh.faces) == 0


def test_the_grids_must_fit():
    with pytest.raises(ValueError, match="multiple"):
        isosurface.reconstruct(sphere, resolution=50, coarse=32)
