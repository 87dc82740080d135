"""What a trained decoder is used for: meshes of codes, and codes of shapes whose distances are known."""

from typing import NamedTuple

import torch
import trimesh
from torch import Tensor

from template3d.data.sample_sets import Samples
from template3d.geometry import isosurface
from template3d.networks import losses
from template3d.networks.implicit_template import ImplicitTemplate

POINTS_AT_ONCE = 65536
"""So many points at most go through the decoder at once when codes are fitted: the gradient needs all steps of each."""


class FitSettings(NamedTuple):
    """How a code is fitted; the defaults are DeepSDF's (its ``reconstruct.py``)."""

    steps: int = 800
    points: int = 8000
    learning_rate: float = 5e-3
    start_std: float = 0.01
    code_weight: float = 1e-4
    clamp: float = 0.1


def meshes_of(decoder: ImplicitTemplate, codes: Tensor, resolution: int, coarse: int) -> list[trimesh.Trimesh]:
    """The meshes of codes (B, L), in the unit sphere, on the decoder's device; no faces where there is no surface."""
    codes = codes.to(next(decoder.parameters()).device)

    def distances(points: Tensor, owners: Tensor) -> Tensor:
        points = points.to(codes.device)
        if len(codes) == 1:
            return decoder.signed_distance(codes, points[None])[0]
        return decoder.signed_distance(codes[owners.to(codes.device)], points[:, None])[:, 0]

    return isosurface.reconstruct_all(distances, len(codes), resolution, coarse)


def template_mesh(decoder: ImplicitTemplate, resolution: int, coarse: int) -> trimesh.Trimesh:
    """The template of a decoder, in the unit sphere, meshed on the decoder's device."""
    device = next(decoder.parameters()).device
    return isosurface.reconstruct(lambda points: decoder.template(points.to(device)), resolution, coarse)


def fit_codes(decoder: ImplicitTemplate, samples: Samples, settings: FitSettings, generator: torch.Generator) -> Tensor:
    """The code (L,) of each shape that fits its true distances best, as (B, L); the decoder stays as it is.

    The usual upper bound: what decoder and code could show if the encoder were perfect. Source: Park et al., "DeepSDF"
    (2019), section 6.3, with the numbers of its published program; the learning rate falls to a tenth half way.
    """
    together = torch.arange(len(samples)).split(max(1, POINTS_AT_ONCE // settings.points))
    return torch.cat([_fit(decoder, samples, shapes, settings, generator) for shapes in together])


def _fit(
    decoder: ImplicitTemplate, samples: Samples, shapes: Tensor, settings: FitSettings, generator: torch.Generator
) -> Tensor:
    """The codes of some shapes (B,), given by their places in ``samples``, fitted side by side."""
    device = next(decoder.parameters()).device
    codes = settings.start_std * torch.randn(len(shapes), decoder.warp.code_length, generator=generator)
    codes = codes.to(device).requires_grad_()
    optimizer = torch.optim.Adam([codes], lr=settings.learning_rate)
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * (0.1 if 2 * step >= settings.steps else 1.0)
        points, distances = (part.to(device) for part in samples.draw(shapes, settings.points, generator))
        predicted = decoder.signed_distance(codes, points)
        # a sum over shapes, so that each is fitted as if it were alone
        predicted, distances = (values.clamp(-settings.clamp, settings.clamp) for values in (predicted, distances))
        error = losses.curriculum_l1(predicted, distances, tolerance=0.0, hardness=0.0).mean(dim=1).sum()
        loss = error + settings.code_weight * codes.square().mean(dim=1).sum()
        (codes.grad,) = torch.autograd.grad(loss, [codes])
        optimizer.step()
    return codes.detach().cpu()


def interpolated(first: Tensor, last: Tensor, count: int) -> Tensor:
    """``count`` codes (count, L) at even steps from one code (L,) to another, both included."""
    steps = torch.linspace(0, 1, count)[:, None]
    return (1 - steps) * first + steps * last
