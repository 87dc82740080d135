"""Inference with a trained decoder: meshes of codes, and codes fitted to known distances."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import trimesh
from torch import Tensor

from template3d.data.sample_sets import Samples
from template3d.geometry import isosurface
from template3d.networks import losses
from template3d.networks.implicit_template import ImplicitTemplate

POINTS_AT_ONCE = 65536
"""Most points in one pass of the decoder on a GPU; a gradient stores all steps of each point."""


class FitSettings(NamedTuple):
    """Settings of the fit of a code; the defaults are those of DeepSDF's ``reconstruct.py``."""

    steps: int = 800
    points: int = 8000
    learning_rate: float = 5e-3
    start_std: float = 0.01
    code_weight: float = 1e-4
    clamp: float = 0.1


def meshes_of(decoder: ImplicitTemplate, codes: Tensor, resolution: int, coarse: int) -> list[trimesh.Trimesh]:
    """The meshes, in the unit sphere, of codes (B, L); a mesh has no faces if its shape has no surface."""
    codes = codes.to(next(decoder.parameters()).device)

    def distances(points: Tensor, owners: Tensor) -> Tensor:
        points = points.to(codes.device)
        if len(codes) == 1:
            return decoder.signed_distance(codes, points[None])[0]
        return decoder.signed_distance(codes[owners.to(codes.device)], points[:, None])[:, 0]

    return isosurface.reconstruct_all(distances, len(codes), resolution, coarse, batch=_batch(codes.device))


def template_mesh(decoder: ImplicitTemplate, resolution: int, coarse: int) -> trimesh.Trimesh:
    """The mesh, in the unit sphere, of a decoder's template."""
    device = next(decoder.parameters()).device

    def distances(points: Tensor) -> Tensor:
        return decoder.template(points.to(device))

    return isosurface.reconstruct(distances, resolution, coarse, batch=_batch(device))


def _batch(device: torch.device) -> int:
    return POINTS_AT_ONCE if device.type == "cuda" else isosurface.BATCH


def fit_codes(
    decoder: ImplicitTemplate, samples: Samples, settings: FitSettings, generators: Sequence[torch.Generator]
) -> Tensor:
    """Fit a code (L,) to the ground-truth distances of each shape; returns (B, L) and does not change the decoder.

    The result is the usual upper bound, which a perfect encoder would reach. The learning rate falls to a tenth after
    half of the steps. ``generators`` has one for each shape, so a code does not depend on the other shapes. On a GPU,
    several are fitted in one batch, which can change rounding.

    Source: Park et al., "DeepSDF" (2019), section 6.3, with the settings of its published program.
    """
    gpu = next(decoder.parameters()).is_cuda
    at_once = max(1, POINTS_AT_ONCE // settings.points) if gpu else 1
    together = torch.arange(len(samples)).split(at_once)
    return torch.cat([_fit(decoder, samples, shapes, settings, [generators[i] for i in shapes]) for shapes in together])


def _fit(
    decoder: ImplicitTemplate,
    samples: Samples,
    shapes: Tensor,
    settings: FitSettings,
    generators: Sequence[torch.Generator],
) -> Tensor:
    """Fit the codes of the shapes with indices (B,) in ``samples``, side by side."""
    device = next(decoder.parameters()).device
    starts = [torch.randn(decoder.warp.code_length, generator=generator) for generator in generators]
    codes = (settings.start_std * torch.stack(starts)).to(device).requires_grad_()

    def losses_of_shapes() -> Tensor:
        drawn = [
            samples.draw(shape, settings.points, generator)
            for shape, generator in zip(shapes.split(1), generators, strict=True)
        ]
        points, distances = (torch.cat(parts).to(device) for parts in zip(*drawn, strict=True))
        predicted = decoder.signed_distance(codes, points)
        predicted, distances = (values.clamp(-settings.clamp, settings.clamp) for values in (predicted, distances))
        error = losses.curriculum_l1(predicted, distances, tolerance=0.0, hardness=0.0).mean(dim=1)
        return error + settings.code_weight * codes.square().mean(dim=1)

    minimize(losses_of_shapes, {codes: settings.learning_rate}, settings.steps)
    return codes.detach().cpu()


def minimize(losses_of_shapes: Callable[[], Tensor], learning_rates: Mapping[Tensor, float], steps: int) -> None:
    """Minimize losses (B,) of B shapes side by side, with Adam; the tensors, keys of ``learning_rates``, change.

    The learning rates fall to a tenth after half of the steps. The gradient is that of the sum of the losses, so that
    the result of a shape does not depend on the others.
    """
    variables = list(learning_rates)
    optimizer = torch.optim.Adam([{"params": [variable], "lr": rate} for variable, rate in learning_rates.items()])
    for step in range(steps):
        for group, rate in zip(optimizer.param_groups, learning_rates.values(), strict=True):
            group["lr"] = rate * (0.1 if 2 * step >= steps else 1.0)
        gradients = torch.autograd.grad(losses_of_shapes().sum(), variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.grad = gradient
        optimizer.step()


def interpolated(first: Tensor, last: Tensor, count: int) -> Tensor:
    """``count`` codes (count, L) in even steps from one code (L,) to another, both included."""
    steps = torch.linspace(0, 1, count)[:, None]
    return (1 - steps) * first + steps * last
