"""Cameras: their pose and the projection of points into the image, without a renderer.

The world is ShapeNet's frame: y up, the object's front towards -z. A camera looks at the origin. Azimuth 0 looks at
the object's front, and azimuth grows towards the object's left (+x). Camera coordinates follow OpenCV: x right, y
down, z forward. The image's origin is its upper left corner, and pixel centres have half-integer coordinates.
"""

from dataclasses import asdict, dataclass

import numpy as np

LENS_MM = 35.0
SENSOR_MM = 32.0


@dataclass(frozen=True)
class View:
    """One camera on one object: angles in degrees, distance and shift in ShapeNet units."""

    azimuth_deg: float
    elevation_deg: float
    distance: float
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def world_to_camera(self) -> np.ndarray:
        """The (3, 4) matrix from the object's coordinates to the camera's; it includes the object's shift."""
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


def describe(views: list[View], image_size: int) -> dict:
    """The views of a shape as plain data, the content of ``cameras.json``."""
    return {
        "convention": "ShapeNet's frame (y up, front -z) to OpenCV's camera (x right, y down, z forward)",
        "image_size": image_size,
        "intrinsics": intrinsics(image_size).tolist(),
        "views": [{**asdict(view), "world_to_camera": view.world_to_camera().tolist()} for view in views],
    }


def described_view(described: dict, index: int) -> View:
    """One view from the result of ``describe``."""
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
