"""The registry of view kinds, such as easy and hard, with the random cameras of each kind."""

from dataclasses import dataclass

import numpy as np

from template3d.rendering import cameras
from template3d.runtime.errors import InputError

BASE_DISTANCE = 1.75
TRIES_BEFORE_WIDENING = 4
MAX_TRIES = 100


@dataclass(frozen=True)
class Protocol:
    """The ranges of a kind's random views: elevation (degrees), distance, and object shift (ShapeNet units)."""

    elevation_deg: tuple[float, float]
    distance: tuple[float, float]
    shift: float
    widened_distance: tuple[float, float]
    widened_shift: float
    azimuth_jitter_deg: float = 5.0


PROTOCOLS = {
    "easy": Protocol((20.0, 30.0), (0.65, 1.0), 0.0, (0.65, 1.0), 0.0),
    "hard": Protocol((0.0, 45.0), (0.60, 1.0), 0.2, (0.75, 1.1), 0.1),
}
"""Distances are factors of BASE_DISTANCE; the widened values apply after TRIES_BEFORE_WIDENING rejected tries."""
KINDS = tuple(PROTOCOLS)


def draw_views(
    kind: str, vertices: np.ndarray, count: int, image_size: int, rng: np.random.Generator
) -> list[cameras.View]:
    """Draw ``count`` views of an object around it, each with the whole object inside the frame.

    ``kind`` is one of KINDS; vertices (N, 3) in ShapeNet units. View i has an azimuth of 360 (i + 1) / count degrees,
    plus the jitter. A view that cuts off the object is rejected before rendering and drawn again. Raises InputError if
    no view of the protocol shows the whole object.

    Source: the report's section 4.1 and the rendering protocol of DISN (Xu et al., 2019).
    """
    protocol = PROTOCOLS[kind]
    return [_draw(protocol, vertices, 360.0 * (index + 1) / count, image_size, rng) for index in range(count)]


def _draw(
    protocol: Protocol, vertices: np.ndarray, azimuth_deg: float, image_size: int, rng: np.random.Generator
) -> cameras.View:
    for attempt in range(MAX_TRIES):
        widened = attempt >= TRIES_BEFORE_WIDENING
        nearest, farthest = protocol.widened_distance if widened else protocol.distance
        shift = protocol.widened_shift if widened else protocol.shift
        view = cameras.View(
            azimuth_deg=azimuth_deg + rng.uniform(-protocol.azimuth_jitter_deg, protocol.azimuth_jitter_deg),
            elevation_deg=rng.uniform(*protocol.elevation_deg),
            distance=BASE_DISTANCE * rng.uniform(nearest, farthest),
            shift=tuple(rng.uniform(-shift, shift, size=3)),
        )
        if cameras.in_frame(view, vertices, image_size):
            return view
    size = np.linalg.norm(np.ptp(vertices, axis=0))
    raise InputError(
        f"no view of the protocol shows the whole object after {MAX_TRIES} tries at azimuth {azimuth_deg:.0f} "
        f"degrees; its diagonal is {size:.3f}, and ShapeNet's is 1 with the origin inside the object"
    )
