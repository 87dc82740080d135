"""The losses on cases small enough to work out by hand."""

import math

import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss
from template3d.networks import losses


def test_curriculum_costs_nothing_within_the_tolerance():
    predicted, true = torch.tensor([0.02, -0.01]), torch.tensor([0.0, 0.01])
    assert losses.curriculum_l1(predicted, true, tolerance=0.025, hardness=0.5).tolist() == [0.0, 0.0]


def test_curriculum_weighs_the_wrong_side_more():
    true = torch.tensor([0.05, 0.05, -0.05])
    predicted = torch.tensor([0.03, 0.07, -0.03])  # towards the surface, away from it, towards it from inside
    cost = losses.curriculum_l1(predicted, true, tolerance=0.01, hardness=0.2)
    torch.testing.assert_close(cost, torch.tensor([0.01 * 1.2, 0.01 * 0.8, 0.01 * 1.2]))


def test_reconstruction_is_the_mean_over_stages_of_clamped_distances():
    true = torch.tensor([[0.3]])  # clamped to 0.1
    predicted = torch.tensor([0.5, 0.05, 0.05, 0.05]).view(4, 1, 1)  # the first is clamped to the truth
    expected = (0 + (0.05 - 0.01) * 1.1 + (0.05 - 0.0025) * 1.2 + 0.05 * 1.5) / 4
    assert losses.reconstruction(predicted, true).item() == pytest.approx(expected)


def test_pointwise_is_square_near_and_linear_far():
    points = torch.zeros(1, 2, 3)
    warped = torch.zeros(4, 1, 2, 3)
    warped[:, 0, 0, 0], warped[:, 0, 1, 1] = 0.2, 1.25
    assert losses.pointwise(warped, points).item() == pytest.approx((0.5 * 0.04 + (1.25 * 0.25 - 0.5 * 0.0625)) / 2)


def test_pointpair_pairs_an_eighth_with_the_rest():
    points = torch.zeros(1, 8, 3)
    points[0, :, 0] = torch.arange(8.0)
    warped = points.clone()
    warped[0, 0, 0] += 3.0  # the one point of the first eighth moves by 3, so each pair bends by 3 over its length
    expected = sum(max(3 / (apart + 1e-3) - 0.5, 0) for apart in range(1, 8)) / 8
    assert losses.pointpair(warped, points).item() == pytest.approx(expected)
    assert losses.pointpair(points + 1.0, points).item() == 0.0


def test_both_formulas_of_distances_agree_and_so_do_their_gradients():
    first, second = torch.rand(2, 5, 3, dtype=torch.float64), torch.rand(2, 7, 3, dtype=torch.float64)
    second[:, 0] = first[:, 0]  # a pair of equal points: no direction, no gradient
    results = []
    for differences in (False, True):
        leaf = first.clone().requires_grad_()
        apart = losses.distances(leaf, second, differences)
        apart.square().sin().sum().backward()
        results.append((apart.detach(), leaf.grad))
        leaf.grad = None
        losses.distances(leaf, second, differences).sum().backward()
        assert leaf.grad.isfinite().all()
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_weights_follow_the_epoch():
    terms = {name: torch.tensor(1.0) for name in ("reconstruction", "pointwise", "pointpair", "code_norm")}
    assert losses.embedding_total(terms, 1).item() == pytest.approx(1 + 0.005 * 9.9 + 2e-4 * 0.01)
    assert losses.embedding_total(terms, 50).item() == pytest.approx(1 + 0.005 * 5 + 2e-4 * 0.5)
    assert losses.embedding_total(terms, 300).item() == pytest.approx(1 + 0.005 + 2e-4)


def test_code_terms():
    codes = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert losses.code_norm(codes).item() == pytest.approx(2.5)
    assert losses.code_l1(codes, torch.ones(2, 2)).item() == pytest.approx(2 + 3 + 1 + 1)


def test_bfloat16_keeps_coordinates_exact():
    from template3d.networks.implicit_template import ImplicitTemplate

    torch.manual_seed(0)
    model = ImplicitTemplate(8, 16, 8, [16, 16], dropout=0.0)
    codes, points = torch.randn(2, 8), torch.rand(2, 64, 3)
    with torch.autocast("cpu", torch.bfloat16):
        warped, _ = model(codes, points)
    assert warped.dtype == torch.float32
    # an untrained warp hardly moves a point, in any precision
    assert (warped - points).abs().max().item() < 1e-3


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nt_xent_is_that_of_pytorch_metric_learning(temperature):
    torch.manual_seed(0)
    first, second = torch.randn(2, 12, 16).double()
    ours, _ = losses.nt_xent(first, second, temperature)
    shapes = torch.arange(12).repeat(2)
    theirs = NTXentLoss(temperature)(torch.cat([first, second]), shapes)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_nt_xent_worked_by_hand():
    first, second = torch.eye(2), torch.eye(2)  # partners are equal, others at right angles
    loss, paired = losses.nt_xent(first, second, temperature=1.0)
    assert loss.item() == pytest.approx(math.log(1 + 2 / math.e))
    assert paired == 1
    _, paired = losses.nt_xent(first, second.flip(0), temperature=1.0)
    assert paired == 0
