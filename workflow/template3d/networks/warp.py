"""The warp: an LSTM that moves points of a shape, step by step, to their places in the template."""

from typing import Any

import torch
from torch import Tensor, nn

STAGES = 4
"""The loss looks at the warp after each quarter of its steps (steps 2, 4, 6 and 8 of 8)."""

HIDDEN_GRADIENT_BOUND = 10.0


class Warp(nn.Module):
    """The warping function W of equation (3): an LSTM cell whose every step proposes an affine move.

    At each step the cell reads the shape's code and the point where it stands now; a linear layer turns the
    hidden state into a scale and a shift per axis, and the point moves to ``(1 + scale) * point + shift``.

    The code is the same for all points of a shape and for all steps, so its part of the gates is computed
    once a shape, and the first step, which starts from a zero state, needs no recurrent product. The numbers
    are those of ``nn.LSTMCell`` on the concatenation of code and point.

    Source: Zheng et al., "Deep Implicit Templates for 3D Shape Representation" (2021), section 3.2.
    """

    def __init__(self, code_length: int, hidden_size: int, steps: int) -> None:
        """Set up a warp of ``steps`` steps; raises ValueError if they cannot be split into four stages."""
        super().__init__()
        if steps < STAGES or steps % STAGES:
            raise ValueError(f"warp steps must be a positive multiple of {STAGES}, not {steps}")
        self.code_length = code_length
        self.steps = steps
        self.lstm = nn.LSTMCell(code_length + 3, hidden_size)
        self.affine = nn.Linear(hidden_size, 6)
        with torch.no_grad():
            for bias in (self.lstm.bias_ih, self.lstm.bias_hh):
                bias[hidden_size : 2 * hidden_size] = 1.0  # remember by default
            self.affine.weight.uniform_(-1e-5, 1e-5)  # the first warp is the identity
            self.affine.bias.zero_()

    def forward(self, codes: Tensor, points: Tensor) -> Tensor:
        """Warp points into the template's space.

        codes (B, L), points (B, N, 3) in the unit sphere; returns (4, B, N, 3), the places after each quarter
        of the steps; the last is the warp itself.
        """
        weight_code, weight_point = self.lstm.weight_ih.split([self.code_length, 3], dim=1)
        from_code = nn.functional.linear(codes, weight_code, self.lstm.bias_ih + self.lstm.bias_hh)
        hidden = cell = None
        stages = []
        for step in range(1, self.steps + 1):
            gates = _exact_linear(points, weight_point) + from_code.unsqueeze(1).float()
            gates = gates.to(from_code.dtype)
            if hidden is not None:
                gates = gates + nn.functional.linear(hidden, self.lstm.weight_hh)
            hidden, cell = _lstm_update(gates, cell)
            hidden = _BoundedGradient.apply(hidden)
            scale, shift = self.affine(hidden).float().split(3, dim=-1)
            points = torch.addcmul(shift, 1 + scale, points)
            if step % (self.steps // STAGES) == 0:
                stages.append(points)
        return torch.stack(stages)


def _exact_linear(points: Tensor, weight: Tensor) -> Tensor:
    """A product with coordinates in full precision: bfloat16 would round a place by up to 0.004."""
    with torch.autocast(points.device.type, enabled=False):
        return nn.functional.linear(points.float(), weight.float())


def _lstm_update(gates: Tensor, cell: Tensor | None) -> tuple[Tensor, Tensor]:
    enter, forget, candidate, leave = gates.chunk(4, dim=-1)
    new = torch.sigmoid(enter) * torch.tanh(candidate)
    cell = new if cell is None else torch.addcmul(new, torch.sigmoid(forget), cell)
    return torch.sigmoid(leave) * torch.tanh(cell), cell


class _BoundedGradient(torch.autograd.Function):
    """The identity, whose gradient is kept within a bound; as a function, not a hook, it can be compiled."""

    @staticmethod
    def forward(context: Any, hidden: Tensor) -> Tensor:
        return hidden.view_as(hidden)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient.clamp(-HIDDEN_GRADIENT_BOUND, HIDDEN_GRADIENT_BOUND)
