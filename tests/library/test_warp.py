import pytest
import torch
from template3d.networks.warp import SHAPES_AS_COLUMNS, Warp
from torch.utils.flop_counter import FlopCounterMode


@pytest.mark.parametrize(
    ("shapes", "points"), [(3, 50), (SHAPES_AS_COLUMNS + 1, 4)], ids=["codes as columns", "codes added"]
)
def test_the_warp_and_its_gradients_are_an_lstm_cells_on_code_and_point(shapes, points):
    """In float64: sums of 1e3 terms differ by 1e-13 of their size on any chip, a slip to float32 by 1e-7."""
    torch.manual_seed(0)
    warp = Warp(8, 16, 8).double()
    torch.nn.init.normal_(warp.affine.weight, std=0.1)
    codes = torch.randn(shapes, 8, dtype=torch.float64, requires_grad=True)
    points = torch.rand(shapes, points, 3, dtype=torch.float64)
    leaves = [codes, *warp.parameters()]
    warped = warp(codes, points)
    positions, repeated = points.reshape(-1, 3), codes.repeat_interleave(points.shape[1], dim=0)
    state, stages = (torch.zeros(len(positions), 16, dtype=torch.float64),) * 2, []
    for step in range(8):
        state = warp.lstm(torch.cat([repeated, positions], dim=1), state)
        scale, shift = warp.affine(state[0]).split(3, dim=1)
        positions = (1 + scale) * positions + shift
        if step % 2:
            stages.append(positions.view(points.shape))
    expected = torch.stack(stages)
    torch.testing.assert_close(warped, expected, rtol=1e-11, atol=1e-11)
    for gradient, plain in zip(
        *(torch.autograd.grad(moved.sin().sum(), leaves) for moved in (warped, expected)), strict=True
    ):
        torch.testing.assert_close(gradient, plain, rtol=1e-11, atol=1e-11)


def test_gradients_of_a_step_are_there_once():
    warped = Warp(8, 16, 4)(torch.randn(3, 8), torch.rand(3, 50, 3)).sum()
    warped.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):  # they were written over the gates
        warped.backward()


@pytest.mark.parametrize(("shapes", "points"), [(24, 50), (40, 30)], ids=["codes as columns", "codes added"])
def test_the_code_is_multiplied_once_a_shape_and_the_first_state_not_at_all(shapes, points):
    warp, codes, points = Warp(256, 512, 8), torch.randn(shapes, 256), torch.rand(shapes, points, 3)
    with FlopCounterMode(display=False) as ours:
        warp(codes, points)
    with FlopCounterMode(display=False) as plain:
        state = None
        for _ in range(8):
            state = warp.lstm(
                torch.cat([codes.repeat_interleave(points.shape[1], dim=0), points.flatten(0, 1)], dim=1), state
            )
            warp.affine(state[0])
    assert ours.get_total_flops() < 0.65 * plain.get_total_flops()
