import numpy as np
import pytest
import torch
from template3d.reconstruction import silhouettes


class Solid(torch.nn.Module):
    """A decoder of one shape, of which the box norm is at most ``size``."""

    def __init__(self, size) -> None:
        super().__init__()
        self.size = torch.nn.Parameter(torch.tensor(size))

    def signed_distance(self, codes, points):
        return ((points.abs() - self.size).amax(dim=-1)).expand(len(codes), -1)


def rectangle(height: int, width: int) -> np.ndarray:
    mask = np.zeros((90, 120), bool)
    mask[10 : 10 + height, 30 : 30 + width] = True
    return mask


def test_a_shape_agrees_with_its_own_outline_and_less_with_others():
    pole = Solid([0.1, 0.6, 0.1])
    own, lying, square = (
        silhouettes.agreement(pole, torch.zeros(2), rectangle(*size)) for size in ((72, 13), (13, 72), (60, 60))
    )
    assert own > 0.7
    assert own > 2 * max(lying, square)


def test_an_empty_shape_agrees_with_nothing():
    assert silhouettes.agreement(Solid([-1.0, -1.0, -1.0]), torch.zeros(2), rectangle(20, 20)) == 0


@pytest.mark.parametrize("size", [(80, 80), (20, 20), (3, 3)])
def test_an_outline_does_not_depend_on_size(size):
    assert silhouettes.outline(rectangle(*size)).all()


def test_an_outline_keeps_proportions():
    outline = silhouettes.outline(rectangle(80, 40))
    assert outline.any(axis=1).all()
    assert outline.any(axis=0).sum() == silhouettes.PIXELS / 2
