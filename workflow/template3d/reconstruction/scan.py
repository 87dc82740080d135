"""A code fitted to a scan, complete or of one side, and the scan's size and direction if they are not known.

The surface of the shape must pass through the points of the scan, and its free space must hold the rays from the sensor
to them. Both leave much of a shape open that was seen from one side only. There, the code stays near those of the
training shapes.

Source: Park et al., "DeepSDF" (2019), section 6.3, for the distances near the points and in free space.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from template3d.data.scans import Scan
from template3d.geometry.normalization import BUFFER
from template3d.geometry.placement import Placement, turn
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import inference
from template3d.reconstruction.code_space import CodeSpace

MOST_CODES = 256
"""Training codes (at most, at random) among which the starts are; FEWER if each is tried with many placements."""
FEWER = 16
TURNS = 16
"""Turns of the scan that are tried."""
SIZES = (0.8, 0.9, 1.0, 1.1)
"""Sizes that are tried, as shares of that of a complete scan without noise: less for a part, more for outliers."""
WITHIN = (0.005, 0.995)
"""Shares of the points between which the box of a scan of unknown size is measured, because of outliers."""
TRIED_AT = 128
"""Points at which each start is tried."""
PAIRS = 64
"""Starts in one pass of the decoder."""
JUDGED_AT = 1024
"""Points at which starts are compared after their first steps, and at which normals are checked."""
AGREE = 0.8
"""Normals count if this share of them points out of the shape, or into it."""


LEAST_ERROR = 1e-3
"""Added to errors before the logarithm: no network is more exact."""


class ScanSettings(NamedTuple):
    """Settings of the fit to a scan; lengths are in the unit sphere."""

    starts: int = 4
    turned_starts: int = 8
    """Starts if the turn is unknown, each with another turn."""
    first_steps: int = 30
    """Steps of each start; the best one takes ``steps`` more."""
    first_points: int = 128
    """Points of the scan in one of the first steps."""
    steps: int = 100
    points: int = 256
    learning_rate: float = 0.1
    """In standard deviations of the training codes."""
    placement_rate: float = 0.02
    """The learning rate of the turn in radians, the logarithm of the size and the position."""
    code_weight: float = 0.6
    """Weight of the squared Mahalanobis distance of the code to the training codes, a mean over its entries."""
    size_weight: float = 5.0
    """Weight of the squared logarithm of the size, from that of a complete scan. Without it, points beyond the clamp
    would make a scan that fits badly ever larger."""
    clamp: float = 0.1
    offset: float = 0.02
    """Distance of points beside the surface, along the normals."""
    normal_weight: float = 0.5
    free_weight: float = 1.0
    margin: float = 0.03
    """Distance of points in free space from the surface."""


USUAL = ScanSettings()


@dataclass(frozen=True)
class ScanFit:
    """What was fitted to a scan."""

    code: Tensor
    """(L,)"""
    placement: Placement
    """From the scan's frame, y up, to the unit sphere."""
    distance: float
    """Mean distance of the points of the scan from the shape, in the unit sphere; not more than the clamp."""
    normals: str
    """Where the scan's normals point: ``outwards`` or ``inwards``; ``not used`` if they disagree, ``none`` without."""


class _Placements(NamedTuple):
    """The placements of B starts: the logarithm of the size, the turn in radians, and the position."""

    log_scale: Tensor  # (B, 1, 1)
    turn: Tensor  # (B,)
    shift: Tensor  # (B, 1, 3)

    def turned(self, vectors: Tensor) -> Tensor:
        """Vectors (N, 3) in the directions (B, N, 3) of each start."""
        sine, cosine, zero = self.turn.sin(), self.turn.cos(), torch.zeros_like(self.turn)
        rows = [cosine, zero, sine, zero, zero + 1, zero, -sine, zero, cosine]
        return vectors @ torch.stack(rows, dim=-1).view(-1, 3, 3).mT

    def unit(self, points: Tensor) -> Tensor:
        """Points (N, 3) in the unit sphere (B, N, 3) of each start."""
        return self.log_scale.exp() * self.turned(points) + self.shift

    def rows(self, index: Tensor) -> "_Placements":
        """The placements of some starts."""
        return _Placements(*(part[index].clone() for part in self))


@dataclass
class _Problem:
    """The fit to one scan, whose points are in the unit sphere, or roughly if their size is unknown."""

    decoder: ImplicitTemplate
    space: CodeSpace
    points: Tensor
    normals: Tensor | None
    sensor: Tensor | None
    settings: ScanSettings
    generator: torch.Generator

    def errors(self, standard: Tensor, placements: _Placements, count: int) -> Tensor:
        """The mean error (B,) of B starts at ``count`` random points, in units of the scan, without the prior."""
        settings = self.settings
        rows = torch.randint(len(self.points), (count,), generator=self.generator).to(self.points.device)
        surface = placements.unit(self.points[rows])
        parts = [surface]
        if self.normals is not None:
            beside = settings.offset * placements.turned(self.normals[rows])
            parts += [surface + beside, surface - beside]
        if self.sensor is not None:
            parts.append(self._in_front(surface, placements.unit(self.sensor[None]), count))
        queries = torch.cat([part.expand(len(standard), -1, -1) for part in parts], dim=1)
        values = self.decoder.signed_distance(self.space.codes(standard), queries).split(count, dim=1)
        total = values[0].abs().clamp(max=settings.clamp).mean(dim=1)
        if self.normals is not None:
            for value, distance in zip(values[1:3], (settings.offset, -settings.offset), strict=True):
                total = total + settings.normal_weight * (value - distance).abs().clamp(max=settings.clamp).mean(dim=1)
        if self.sensor is not None:
            within = (parts[-1].norm(dim=-1) < 1).float()
            blocked = (-values[-1]).clamp(min=0, max=settings.clamp)
            total = total + settings.free_weight * (within * blocked).mean(dim=1)
        return total / placements.log_scale.flatten().exp()

    def _in_front(self, surface: Tensor, sensor: Tensor, count: int) -> Tensor:
        """A random point (B, N, 3) between each point of the scan and the sensor, at most a diameter away."""
        ray = sensor - surface
        length = ray.norm(dim=-1, keepdim=True).clamp(min=1e-6)  # the sensor may lie on a point
        along = self.settings.margin + 2 * torch.rand(count, 1, generator=self.generator).to(ray.device)
        return surface + ray / length * torch.minimum(along, length)

    def descend(
        self, standard: Tensor, placements: _Placements, align: Collection[str], steps: int, points: int
    ) -> None:
        """Improve the codes, and the placements as far as they are unknown, in place."""
        rates = {standard: self.settings.learning_rate}
        if "scale" in align:
            rates |= dict.fromkeys((placements.log_scale, placements.shift), self.settings.placement_rate)
        if "turn" in align:
            rates[placements.turn] = self.settings.placement_rate
        for variable in rates:
            variable.requires_grad_()
        inference.minimize(lambda: self.losses(standard, placements, points), rates, steps)
        for variable in rates:
            variable.requires_grad_(False)

    def losses(self, standard: Tensor, placements: _Placements, points: int) -> Tensor:
        """The losses (B,): the logarithms of the errors, and the priors of code and size.

        This is the likelihood of errors with a Laplace distribution of the most likely width. So the prior counts more
        the noisier the scan is.
        """
        of_code = self.settings.code_weight * standard.square().mean(dim=1)
        of_size = self.settings.size_weight * placements.log_scale.flatten().square()
        return (self.errors(standard, placements, points) + LEAST_ERROR).log() + of_code + of_size


def fit_scan(
    decoder: ImplicitTemplate,
    training_codes: Tensor,
    scan: Scan,
    generator: torch.Generator,
    sensor: np.ndarray | None = None,
    align: Collection[str] = (),
    settings: ScanSettings = USUAL,
) -> ScanFit:
    """Fit a code to a scan with y up; the decoder does not change.

    Without ``align``, the scan is in the unit sphere and its front towards -z. ``align`` says what is unknown, of
    ``scans.ALIGN``. ``sensor`` (3,) is the position of the camera, in the scan's frame: the space between it and the
    points is empty, and normals point to it. ``training_codes`` (shapes, L) are those of the model.
    """
    device = next(decoder.parameters()).device
    points, normals = scan.points, scan.normals
    centre, size = np.zeros(3), 1.0
    if "scale" in align:
        centre = np.quantile(points, WITHIN, axis=0).mean(axis=0)
        size = float(np.quantile(np.linalg.norm(points - centre, axis=1), WITHIN[1]) * BUFFER)
    if normals is not None and sensor is not None:
        normals = np.where(((sensor - points) * normals).sum(axis=1, keepdims=True) < 0, -normals, normals)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=device)

    seen_from = None if sensor is None else tensor((sensor - centre) / size)
    space = CodeSpace.of(training_codes.to(device))
    problem = _Problem(decoder, space, tensor((points - centre) / size), None, seen_from, settings, generator)
    standard, placements = _starts(problem, training_codes.to(device), align)
    problem.descend(standard, placements, align, settings.first_steps, settings.first_points)
    with torch.no_grad():
        best = problem.losses(standard, placements, JUDGED_AT).argmin()[None]
    standard, placements = standard[best].clone(), placements.rows(best)
    use = "none"
    if normals is not None:
        problem.normals = tensor(normals)
        use = _check_normals(problem, standard, placements)
    problem.descend(standard, placements, align, settings.steps, settings.points)
    problem.normals = problem.sensor = None
    with torch.no_grad():
        scale = float(placements.log_scale.exp())
        distance = scale * float(problem.errors(standard, placements, JUDGED_AT))
    rotation = turn(float(np.degrees(float(placements.turn))))
    scale = scale / size
    shift = placements.shift.flatten().cpu().numpy().astype(float) - scale * rotation @ centre
    return ScanFit(space.codes(standard)[0].cpu(), Placement(rotation, scale, shift), distance, use)


def _starts(problem: _Problem, training_codes: Tensor, align: Collection[str]) -> tuple[Tensor, _Placements]:
    """The starts with the smallest errors: codes (in standard coordinates), all different, and placements.

    If the turn is unknown, the turns are all different instead: the first steps tell them apart better than the errors.
    """
    placements = _tried_placements(problem.points, align)
    most = FEWER if len(placements.turn) > 1 else MOST_CODES
    drawn = torch.randperm(len(training_codes), generator=problem.generator)[:most].to(training_codes.device)
    standard = torch.cat([torch.zeros_like(training_codes[:1]), problem.space.standard(training_codes[drawn])])
    pairs = torch.cartesian_prod(torch.arange(len(standard)), torch.arange(len(placements.turn)))
    with torch.no_grad():
        errors = [
            problem.errors(standard[part[:, 0]], placements.rows(part[:, 1]), TRIED_AT) for part in pairs.split(PAIRS)
        ]
    order = pairs[torch.cat(errors).argsort().cpu()]
    turned = "turn" in align
    kinds = order[:, 1] % TURNS if turned else order[:, 0]
    first = np.sort(np.unique(kinds.numpy(), return_index=True)[1])
    best = order[first[: problem.settings.turned_starts if turned else problem.settings.starts]]
    return standard[best[:, 0]].clone(), placements.rows(best[:, 1])


def _tried_placements(points: Tensor, align: Collection[str]) -> _Placements:
    """The placements that are tried: TURNS turns, and for each the box in the middle, in several sizes."""
    count = TURNS if "turn" in align else 1
    turns = 2 * torch.pi * torch.arange(count, device=points.device) / count
    still = _Placements(torch.zeros_like(turns)[:, None, None], turns, torch.zeros(count, 1, 3, device=points.device))
    if "scale" not in align:
        return still
    parts = []
    for index in range(count):
        (turned,) = still.rows(torch.tensor([index])).turned(points)
        centre = turned.quantile(turned.new_tensor(WITHIN), dim=0).mean(dim=0)
        scales = turned.new_tensor(SIZES) / (BUFFER * (turned - centre).norm(dim=-1).quantile(WITHIN[1]))
        scales = scales[:, None, None]
        parts.append(_Placements(scales.log(), turns[index].repeat(len(SIZES)), -scales * centre))
    return _Placements(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _check_normals(problem: _Problem, standard: Tensor, placements: _Placements) -> str:
    """Turn the normals of a problem outwards, or drop them if many point in, many out of the shape."""
    assert problem.normals is not None
    rows = torch.randint(len(problem.points), (JUDGED_AT,), generator=problem.generator).to(problem.points.device)
    surface, beside = placements.unit(problem.points[rows]), placements.turned(problem.normals[rows])
    beside = problem.settings.offset * beside
    with torch.no_grad():
        queries = torch.cat([surface + beside, surface - beside], dim=1)
        above, below = problem.decoder.signed_distance(problem.space.codes(standard), queries).chunk(2, dim=1)
    outwards = float((above > below).float().mean())
    if outwards >= AGREE:
        return "outwards"
    if outwards <= 1 - AGREE:
        problem.normals = -problem.normals
        return "inwards"
    problem.normals = None
    return "not used"


def support(points: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """The distance (V,) of each vertex (V, 3) to the nearest point (N, 3) of a scan, in their common unit."""
    return cKDTree(points).query(vertices)[0]
