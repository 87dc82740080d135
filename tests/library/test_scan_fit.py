"""The fit to scans, with a decoder whose surfaces are known in closed form."""

import numpy as np
import pytest
import torch
from template3d.data.scans import Scan
from template3d.geometry.placement import Placement, turn
from template3d.reconstruction import scan as scan_fit
from template3d.reconstruction.code_space import CodeSpace
from torch import nn

BACK, FRONT = torch.tensor([0.0, 0.0, 0.25]), torch.tensor([0.0, 0.1, -0.7])
"""The centres of the box and of the ball. Together they nearly fill the unit sphere, as shapes of trained models do."""


class BoxAndBall(nn.Module):
    """A box behind a ball; a code is the box's half sides and the ball's radius."""

    def __init__(self):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))

    def signed_distance(self, codes, points):
        beyond = (points - BACK).abs() - codes[:, None, :3]
        box = beyond.clamp(min=0).norm(dim=-1) + beyond.amax(dim=-1).clamp(max=0)
        return torch.minimum(box, (points - FRONT).norm(dim=-1) - codes[:, None, 3])


CODE = torch.tensor([0.32, 0.38, 0.56, 0.16])
TRAINING = torch.tensor([0.35, 0.35, 0.5, 0.2]) + 0.05 * torch.randn(40, 4, generator=torch.Generator().manual_seed(0))


def surface(count=2000):
    """Points on the surface of CODE, and their normals, from random points that move along the gradient."""
    points = 2 * torch.rand(8 * count, 3, generator=torch.Generator().manual_seed(1)) - 1
    points.requires_grad_()
    distances = BoxAndBall().signed_distance(CODE[None], points[None])[0]
    (normals,) = torch.autograd.grad(distances.sum(), points)
    points = points.detach() - distances.detach()[:, None] * normals
    on = BoxAndBall().signed_distance(CODE[None], points[None])[0].abs() < 1e-5
    return points[on][:count].double().numpy(), normals[on][:count].double().numpy()


POINTS, NORMALS = surface()


def fitted(scan, **arguments):
    return scan_fit.fit_scan(BoxAndBall(), TRAINING, scan, torch.Generator().manual_seed(0), **arguments)


def test_a_cloud_of_a_known_code_gives_that_code():
    fit = fitted(Scan(POINTS))
    np.testing.assert_allclose(fit.code, CODE, atol=0.01)
    assert fit.distance < 0.005
    assert fit.normals == "none"
    np.testing.assert_array_equal(fit.placement.to_unit(POINTS), POINTS)


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_noise_moves_the_code_less_than_the_points(noise):
    noisy = POINTS + noise * np.random.default_rng(0).normal(size=POINTS.shape)
    fit = fitted(Scan(noisy))
    np.testing.assert_allclose(fit.code, CODE, atol=np.sqrt(8 / np.pi) * noise)  # the mean length of the noise
    assert fit.distance == pytest.approx(noise * np.sqrt(2 / np.pi), rel=0.3)  # the mean of a folded normal variable


@pytest.mark.parametrize(
    ("normals", "word"),
    [
        (NORMALS, "outwards"),
        (-NORMALS, "inwards"),
        (NORMALS * np.sign(np.random.default_rng(0).normal(size=(len(NORMALS), 1))), "not used"),
    ],
)
def test_normals_help_whatever_side_they_are_on(normals, word):
    fit = fitted(Scan(POINTS, normals))
    assert fit.normals == word
    np.testing.assert_allclose(fit.code, CODE, atol=0.01)


def test_normals_point_to_the_sensor():
    front = POINTS[:, 2] < -0.25
    mixed = NORMALS[front] * np.sign(np.random.default_rng(0).normal(size=(front.sum(), 1)))
    assert fitted(Scan(POINTS[front], mixed), sensor=np.array([0.0, 0.3, -4.0])).normals == "outwards"


def test_what_is_not_seen_stays_near_the_training_shapes():
    left = POINTS[POINTS[:, 0] < -0.28]  # a side of the box: neither its other half nor the ball
    fit = fitted(Scan(left))
    assert fit.code[0] == pytest.approx(float(CODE[0]), abs=0.01)
    assert fit.code[3] == pytest.approx(float(TRAINING[:, 3].mean()), abs=0.05)


def test_a_ray_from_the_sensor_says_that_space_is_empty():
    wall = np.random.default_rng(0).uniform([-0.3, -0.3, -0.25], [0.3, 0.3, -0.25], size=(1000, 3))
    wall[:10, 2] += 0.005  # no plane
    without, seen = fitted(Scan(wall)), fitted(Scan(wall), sensor=np.array([0.0, 0.0, -3.0]))
    assert seen.code[3] < without.code[3] - 0.015  # the ball is in the way
    assert seen.code[2] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("angle", [137.0, -20.0])
def test_a_turned_cloud_gives_the_turn_back(angle):
    fit = fitted(Scan(POINTS @ turn(angle).T, NORMALS @ turn(angle).T), align=["turn"])
    assert fit.placement.turn_deg == pytest.approx(-angle, abs=2)
    np.testing.assert_allclose(fit.code, CODE, atol=0.02)


def test_an_unknown_size_and_position_are_fitted_with_the_turn():
    moved = Placement(turn(70.0), 812.0, np.array([1000.0, -50.0, 3.0]))
    fit = fitted(Scan(moved.to_unit(POINTS)), align=["scale", "turn"])
    placed = fit.placement.to_unit(moved.to_unit(POINTS))
    shape = BoxAndBall().signed_distance(fit.code[None], torch.tensor(placed)[None].float())[0]
    assert shape.abs().mean() < 0.01
    assert fit.placement.turn_deg == pytest.approx(-70, abs=3)


def test_a_fit_is_repeatable_and_leaves_the_scan():
    before = POINTS.copy()
    first, second = (fitted(Scan(POINTS), align=["scale"]) for _ in range(2))
    assert torch.equal(first.code, second.code)
    assert first.placement.scale == second.placement.scale
    np.testing.assert_array_equal(POINTS, before)


def test_support_is_the_distance_to_the_nearest_point():
    vertices = np.array([[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]])
    np.testing.assert_array_equal(scan_fit.support(np.array([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]]), vertices), [0, 5])


def test_placements_and_their_inverse():
    placement = Placement(turn(33.0), 2.5, np.array([1.0, 2.0, 3.0]))
    assert placement.turn_deg == pytest.approx(33.0)
    np.testing.assert_allclose(placement.from_unit(placement.to_unit(POINTS)), POINTS, atol=1e-12)
    np.testing.assert_allclose(turn(90.0) @ [0, 0, 1], [1, 0, 0], atol=1e-12)  # z turns to x
    np.testing.assert_allclose(turn(90.0) @ [0, 1, 0], [0, 1, 0])


def test_training_codes_have_mean_zero_and_covariance_one_in_their_space():
    codes = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 3.0]) + 5
    space = CodeSpace.of(codes)
    standard = space.standard(codes)
    np.testing.assert_allclose(standard.mean(dim=0), torch.zeros(3), atol=1e-5)
    # the floor is 5 % of the mean variance, which is 14 / 3: at most a fifth of the smallest one
    np.testing.assert_allclose(torch.cov(standard.T), torch.eye(3), atol=0.22)
    torch.testing.assert_close(space.codes(standard), codes)


def test_a_space_of_one_or_few_codes_has_every_direction():
    for codes in (torch.ones(1, 4), torch.eye(4)[:2]):
        space = CodeSpace.of(codes)
        torch.testing.assert_close(space.codes(space.standard(codes)), codes)
        assert torch.isfinite(space.standard(torch.randn(5, 4))).all()
