"""The losses, one function per equation, numbered as in the report ("Template is all you need")."""

import torch
from torch import Tensor
from torch.nn import functional

TOLERANCES = (0.025, 0.01, 0.0025, 0.0)
"""The curriculum's epsilon per stage: errors up to this size cost nothing."""

HARDNESS = (0.0, 0.1, 0.2, 0.5)
"""The curriculum's lambda per stage: the extra weight of an error towards the wrong side."""


def curriculum_l1(predicted: Tensor, true: Tensor, tolerance: float, hardness: float) -> Tensor:
    """The smoothed L1 error of equation (5), before the sum.

    Takes signed distances and returns the same shape: ``max(|predicted - true| - tolerance, 0)``, weighted by
    ``1 + hardness`` where the prediction errs towards the other side of the surface (too small outside, too
    large inside) and ``1 - hardness`` where it errs away from it.

    Source: Duan et al., "Curriculum DeepSDF" (2020), equations (5) and (7).
    """
    beyond = (predicted - true).abs().sub(tolerance).clamp(min=0.0)
    return beyond * (1 + hardness * true.sign() * (true - predicted).sign())


def reconstruction(predicted: Tensor, true: Tensor, clamp: float = 0.1) -> Tensor:
    """Equations (5) and (6): the curriculum's mean error over the four stages; a scalar.

    predicted (4, B, N), true (B, N), in the unit sphere's unit; both are clamped to +-``clamp``. The report
    writes a sum over points and stages; the published code takes means, and so do we.
    """
    predicted = predicted.clamp(-clamp, clamp)
    true = true.clamp(-clamp, clamp)
    stages = [
        curriculum_l1(stage, true, tolerance, hardness).mean()
        for stage, tolerance, hardness in zip(predicted, TOLERANCES, HARDNESS, strict=True)
    ]
    return torch.stack(stages).mean()


def pointwise(warped: Tensor, points: Tensor, huber: float = 0.25) -> Tensor:
    """Equation (7): how far the warp moves points, under a Huber kernel, mean over points and stages; a scalar.

    warped (4, B, N, 3), points (B, N, 3), in the unit sphere.
    """
    moved = (warped - points).norm(dim=-1)
    return torch.where(moved < huber, 0.5 * moved**2, huber * moved - 0.5 * huber**2).mean()


def pointpair(warped: Tensor, points: Tensor, tolerance: float = 0.5) -> Tensor:
    """Equation (8): the warp's distortion between pairs of points of one shape; a scalar.

    warped (B, N, 3), the last stage; points (B, N, 3). The first eighth of a shape's points is paired with
    the others; the sum over pairs is divided by the number of points B * N, as in the published code.
    """
    moved = warped - points
    eighth = points.shape[1] // 8
    apart = distances(points[:, :eighth], points[:, eighth:], points.is_cuda)
    moved_apart = distances(moved[:, :eighth], moved[:, eighth:], points.is_cuda)
    bent = (moved_apart / (apart + 1e-3) - tolerance).clamp(min=0.0)
    return bent.sum() / (points.shape[0] * points.shape[1])


def distances(first: Tensor, second: Tensor, differences: bool) -> Tensor:
    """Distances (B, N, M) between points (B, N, 3) and (B, M, 3), exact for near pairs, gradient 0 for equal ones.

    With ``differences``, computes the norms of all differences. Otherwise uses cdist without matrix products, which
    needs less memory but, on a GPU, starts a block of threads for each pair.
    """
    if differences:
        return torch.linalg.vector_norm(first[:, :, None] - second[:, None], dim=-1)
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")


def code_norm(codes: Tensor) -> Tensor:
    """The mean length of codes (B, L); a scalar. It keeps codes near the centre of their space."""
    return codes.norm(dim=-1).mean()


def embedding_total(
    terms: dict[str, Tensor],
    epoch: int,
    pointwise_weight: float = 0.005,
    pointpair_weight: float = 1e-4,
    code_weight: float = 1e-4,
) -> Tensor:
    """Equation (9) of phase 1, as the published code weights it (the report prints its two weights swapped).

    ``terms`` holds the scalars ``reconstruction``, ``pointwise``, ``pointpair`` and ``code_norm``. In the first
    100 epochs, the pointwise term has up to ten times its weight, and the weights of the other two grow from zero.
    """
    warm_up = min(1.0, epoch / 100)
    return (
        terms["reconstruction"]
        + pointwise_weight * max(1.0, 10.0 * (1 - epoch / 100)) * terms["pointwise"]
        + pointpair_weight * warm_up * terms["pointpair"]
        + code_weight * warm_up * terms["code_norm"]
    )


def code_l1(predicted: Tensor, codes: Tensor) -> Tensor:
    """Equation (10): the absolute difference of codes (B, L), summed over batch and code; a scalar."""
    return (predicted - codes).abs().sum()


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Equation (13), NT-Xent: the mean over all images of two sets of partners.

    first and second (B, P) are projections, with partners in the same row. The sum runs over all images except the
    compared one; the report does not mention this exception, but its source does. Returns two scalars: the loss, and
    the share of images whose most similar other image is their partner. Computed in at least 32 bits.

    Source: Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (2020).
    """
    with torch.autocast(first.device.type, enabled=False):
        together = torch.cat([first, second])
        together = functional.normalize(together.to(torch.promote_types(together.dtype, torch.float32)), dim=1)
        similar = together @ together.T / temperature
        similar = similar.masked_fill(torch.eye(len(together), dtype=torch.bool, device=similar.device), -torch.inf)
        partner = torch.arange(len(together), device=similar.device).roll(len(first))
        partners_found = (similar.argmax(dim=1) == partner).float().mean()
        return functional.cross_entropy(similar, partner), partners_found
