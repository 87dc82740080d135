"""Where the cameras of the easy and the hard views stand; numbers only, no renderer.

The world is ShapeNet's frame: y up, the object's front towards -z. A camera looks at the origin; azimuth 0 looks
at the object's front, and grows towards the object's left (+x). Camera coordinates follow OpenCV: x right, y
down, z forward; a pixel's centre is at half-integer image coordinates, the origin in the upper left corner.
"""

from dataclasses import asdict, dataclass

import numpy as np

from template3d.runtime.errors import InputError

BASE_DISTANCE = 1.75
LENS_MM = 35.0
SENSOR_MM = 32.0
TRIES_BEFORE_WIDENING = 4
MAX_TRIES = 100


@dataclass(frozen=True)
class Protocol:
    """How views of a kind are drawn: ranges for elevation (degrees), distance and object shift (ShapeNet units)."""

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
"""Distances are shares of BASE_DISTANCE; the widened values hold after four rejected tries."""


@dataclass(frozen=True)
class View:
    """One camera on one object: angles in degrees, distance and shift in ShapeNet units."""

    azimuth_deg: float
    elevation_deg: float
    distance: float
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def world_to_camera(self) -> np.ndarray:
        """The (3, 4) matrix from the object's own coordinates to the camera's; it holds the object's shift."""
        azimuth, elevation = np.radians([self.azimuth_deg, self.elevation_deg])
        backward = np.array(
            [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), -np.cos(azimuth) * np.cos(elevation)]
        )
        right = np.array([-np.cos(azimuth), 0.0, -np.sin(azimuth)])
        rotation = np.stack([right, np.cross(right, backward), -backward])
        translation = rotation @ np.asarray(self.shift) + [0.0, 0.0, self.distance]
        return np.concatenate([rotation, translation[:, None]], axis=1)


def intrinsics(image_size: int) -> np.ndarray:
    """The (3, 3) matrix from camera coordinates to pixels of a square image."""
    focal = LENS_MM / SENSOR_MM * image_size
    return np.array([[focal, 0, image_size / 2], [0, focal, image_size / 2], [0, 0, 1.0]])


def describe(drawn: list[View], image_size: int) -> dict:
    """The views of a shape as plain data: what stands in ``cameras.json``."""
    return {
        "convention": "ShapeNet's frame (y up, front -z) to OpenCV's camera (x right, y down, z forward)",
        "image_size": image_size,
        "intrinsics": intrinsics(image_size).tolist(),
        "views": [{**asdict(view), "world_to_camera": view.world_to_camera().tolist()} for view in drawn],
    }


def described_view(described: dict, index: int) -> View:
    """One view out of what ``describe`` gave."""
    return View(**{name: value for name, value in described["views"][index].items() if name != "world_to_camera"})


def project(view: View, points: np.ndarray, image_size: int) -> np.ndarray:
    """Pixels (N, 2) of points (N, 3) in the object's coordinates; points behind the camera become NaN."""
    world_to_camera = view.world_to_camera()
    in_camera = points @ world_to_camera[:, :3].T + world_to_camera[:, 3]
    homogeneous = in_camera @ intrinsics(image_size).T
    depth = np.where(homogeneous[:, 2:] > 0, homogeneous[:, 2:], np.nan)
    return homogeneous[:, :2] / depth


def in_frame(view: View, points: np.ndarray, image_size: int) -> bool:
    """Whether all points (N, 3) fall inside the image, at least one pixel away from its edge."""
    pixels = project(view, points, image_size)
    return bool(((pixels >= 1) & (pixels <= image_size - 1)).all())


def views(kind: str, vertices: np.ndarray, count: int, image_size: int, rng: np.random.Generator) -> list[View]:
    """Draw ``count`` views of an object around it, each with the whole object inside the frame.

    ``kind`` is ``easy`` or ``hard``; vertices (N, 3) in ShapeNet units. View i stands at an azimuth of
    360 (i + 1) / count degrees, give or take the jitter. A view that cuts the object off is drawn again before
    anything is rendered. Raises InputError if no view of the protocol shows the whole object.

    Source: the report's section 4.1 and the rendering protocol of DISN (Xu et al., 2019).
    """
    protocol = PROTOCOLS[kind]
    return [_draw(protocol, vertices, 360.0 * (index + 1) / count, image_size, rng) for index in range(count)]


def _draw(
    protocol: Protocol, vertices: np.ndarray, azimuth_deg: float, image_size: int, rng: np.random.Generator
) -> View:
    for attempt in range(MAX_TRIES):
        widened = attempt >= TRIES_BEFORE_WIDENING
        nearest, farthest = protocol.widened_distance if widened else protocol.distance
        shift = protocol.widened_shift if widened else protocol.shift
        view = View(
            azimuth_deg=azimuth_deg + rng.uniform(-protocol.azimuth_jitter_deg, protocol.azimuth_jitter_deg),
            elevation_deg=rng.uniform(*protocol.elevation_deg),
            distance=BASE_DISTANCE * rng.uniform(nearest, farthest),
            shift=tuple(rng.uniform(-shift, shift, size=3)),
        )
        if in_frame(view, vertices, image_size):
            return view
    size = np.linalg.norm(np.ptp(vertices, axis=0))
    raise InputError(
        f"no view of the protocol shows the whole object after {MAX_TRIES} tries at azimuth {azimuth_deg:.0f} "
        f"degrees; its diagonal is {size:.3f}, and ShapeNet's is 1 with the origin inside the object"
    )
