"""The warp: an LSTM that moves points of a shape, step by step, to their template coordinates."""

from typing import Any

import torch
from torch import Tensor, nn

from template3d.networks.coordinates import columns, in_parts, repeated

STAGES = 4
"""The loss uses the warp after each quarter of its steps (steps 2, 4, 6 and 8 of 8)."""

HIDDEN_GRADIENT_BOUND = 10.0
"""Entries of the gradient of a hidden state are clamped to this absolute value."""

SHAPES_AS_COLUMNS = 32
"""Up to this many shapes in a call, the product of the points also gives the code's part of the gates, with one column
per shape. This is cheaper than another pass over all gates. With more shapes, such a pass adds it."""


class Warp(nn.Module):
    """The warping function W of equation (3): an LSTM cell that gives an affine move in each step.

    In each step, the cell reads the shape's code and the current point. A linear layer maps the hidden state to a scale
    and a shift per axis, and the point moves to ``(1 + scale) * point + shift``.

    The code is the same for all points of a shape and for all steps, so its part of the gates is computed once per
    shape and added in each step. The first step starts from a zero state and needs no recurrent product. Up to
    rounding, the results equal those of ``nn.LSTMCell`` on the concatenation of code and point.

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
                bias[hidden_size : 2 * hidden_size] = 1.0  # the forget gate starts open
            self.affine.weight.uniform_(-1e-5, 1e-5)  # the first warp is the identity
            self.affine.bias.zero_()

    def forward(self, codes: Tensor, points: Tensor) -> Tensor:
        """Warp points to template coordinates.

        codes (B, L), points (B, N, 3) in the unit sphere; returns (4, B, N, 3), the points after each quarter of the
        steps. The last quarter is the result of the warp.
        """
        weight_code, weight_point = self.lstm.weight_ih.split([self.code_length, 3], dim=1)
        of_code = nn.functional.linear(codes, weight_code, self.lstm.bias_ih + self.lstm.bias_hh)
        dtype = of_code.dtype
        owner, weights = [], repeated(weight_point, dtype)
        from_code: Tensor | None = of_code
        if len(codes) <= SHAPES_AS_COLUMNS:
            owner = [torch.eye(len(codes), dtype=dtype, device=codes.device).repeat_interleave(points.shape[1], dim=0)]
            weights, from_code = [*weights, of_code.t()], None
        first, later = columns(weights), columns([self.lstm.weight_hh.to(dtype), *weights])
        update = (
            _plain_update if torch.compiler.is_compiling() else _LSTMUpdate.apply
        )  # a compiler fuses the operations itself
        hidden = cell = None
        stages = []
        for step in range(1, self.steps + 1):
            point_parts = [*in_parts(points.flatten(0, 1), dtype), *owner]
            read, weight = (columns(point_parts), first) if hidden is None else (columns([hidden, *point_parts]), later)
            hidden, cell = update(read, weight, from_code, cell)
            scale, shift = self.affine(hidden).to(points.dtype).view(*points.shape[:2], 6).split(3, dim=-1)
            points = torch.addcmul(shift, 1 + scale, points)
            if step % (self.steps // STAGES) == 0:
                stages.append(points)
        return torch.stack(stages)


def _plain_update(read: Tensor, weight: Tensor, from_code: Tensor | None, cell: Tensor | None) -> tuple[Tensor, Tensor]:
    """One step of the LSTM cell: ``read`` (B N, K), ``weight`` (4H, K), ``from_code`` (B, 4H), ``cell`` (B N, H).

    ``from_code`` is None if ``read`` and ``weight`` hold it as columns; ``cell`` is None in the first step.
    """
    gates = read @ weight.t()
    if from_code is not None:
        gates = (gates.view(len(from_code), -1, len(weight)) + from_code.unsqueeze(1)).flatten(0, 1)
    enter, forget, candidate, leave = gates.chunk(4, dim=-1)
    new = torch.sigmoid(enter) * torch.tanh(candidate)
    cell = new if cell is None else torch.addcmul(new, torch.sigmoid(forget), cell)
    return _BoundedGradient.apply(torch.sigmoid(leave) * torch.tanh(cell)), cell


class _BoundedGradient(torch.autograd.Function):
    """The identity, with a clamped gradient; unlike a hook, a function can be compiled."""

    @staticmethod
    def forward(context: Any, hidden: Tensor) -> Tensor:
        return hidden.view_as(hidden)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient.clamp(-HIDDEN_GRADIENT_BOUND, HIDDEN_GRADIENT_BOUND)


class _LSTMUpdate(torch.autograd.Function):
    """``_plain_update`` with less memory traffic: the gates stay in one block, and their gradients overwrite them.

    So only one backward pass is possible; a second one raises RuntimeError.
    """

    @staticmethod
    def forward(
        context: Any, read: Tensor, weight: Tensor, from_code: Tensor | None, cell: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(read.device.type, enabled=False):
            gates = read @ weight.t()
        context.shapes = 0 if from_code is None else len(from_code)
        if from_code is not None:
            gates.view(context.shapes, -1, len(weight)).add_(from_code.unsqueeze(1))
        enter, forget, candidate, leave = gates.chunk(4, dim=-1)
        for gate in (enter, forget, leave):
            gate.sigmoid_()
        candidate.tanh_()
        new = enter * candidate
        if cell is not None:
            new.addcmul_(forget, cell)
        shown = torch.tanh(new)
        context.save_for_backward(read, weight, gates, cell, shown)
        return leave * shown, new

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, of_hidden: Tensor, of_cell: Tensor) -> tuple[Tensor | None, ...]:
        read, weight, gates, cell, shown = context.saved_tensors
        enter, forget, candidate, leave = gates.chunk(4, dim=-1)
        of_hidden = of_hidden.clamp(-HIDDEN_GRADIENT_BOUND, HIDDEN_GRADIENT_BOUND)
        of_cell = torch.ops.aten.tanh_backward(of_hidden * leave, shown).add_(of_cell)
        _through(torch.ops.aten.sigmoid_backward, of_hidden.mul_(shown), leave)
        of_enter, of_candidate = of_cell * candidate, torch.mul(of_cell, enter, out=of_hidden)
        _through(torch.ops.aten.sigmoid_backward, of_enter, enter)
        _through(torch.ops.aten.tanh_backward, of_candidate, candidate)
        if cell is None:
            forget.zero_()
        else:
            of_forget = of_cell * cell
            of_cell.mul_(forget)
            _through(torch.ops.aten.sigmoid_backward, of_forget, forget)
        of_code = gates.view(context.shapes, -1, gates.shape[1]).sum(dim=1) if context.shapes else None
        return gates @ weight, gates.t() @ read, of_code, None if cell is None else of_cell


def _through(backward: Any, gradient: Tensor, gate: Tensor) -> None:
    """Overwrite a gate with the gradient of its input, given the gate's own gradient."""
    backward.grad_input(gradient, gate, grad_input=gate)
