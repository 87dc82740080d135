import torch
from template3d.reconstruction.directions import main_directions


def test_codes_on_a_plane_have_its_axes_and_deviations():
    """Codes along two axes of six, with standard deviations of 2 and 1."""
    first, second = torch.tensor([2.0, -2, 2, -2]), torch.tensor([1.0, 1, -1, -1])
    codes = torch.zeros(4, 6)
    codes[:, 4], codes[:, 1] = 7 + first, second
    directions = main_directions(codes, 3)
    torch.testing.assert_close(directions.axes, torch.eye(6)[[4, 1]])  # codes have no third direction
    torch.testing.assert_close(directions.deviations, codes.std(dim=0)[[4, 1]])
    torch.testing.assert_close(directions.shares, torch.tensor([0.8, 0.2]))
    moved = directions.moved(codes[0], [1.0, -1.0])
    torch.testing.assert_close(moved - codes[0], codes.std(dim=0) * torch.tensor([0, -1.0, 0, 0, 1, 0]))


def test_equal_codes_have_no_direction():
    codes = torch.ones(3, 4)
    directions = main_directions(codes, 3)
    assert directions.axes.shape == (0, 4)
    torch.testing.assert_close(directions.moved(codes[0], []), codes[0])
    assert len(main_directions(codes[:1], 3).deviations) == 0
