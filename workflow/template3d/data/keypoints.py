"""Named keypoints of shapes, read from a table of a user or from KeypointNet."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from template3d.data import point_tables
from template3d.runtime import texts
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

Keypoints = dict[str, np.ndarray]
"""The keypoints (3,) of one shape by name, in ShapeNet's frame."""
FARTHEST = 0.05
"""The most that a keypoint may be off the surface, in ShapeNet units: KeypointNet's were clicked on a mesh."""


def read(file: Path, synset: str, limits: Limits = USUAL) -> dict[str, Keypoints]:
    """The keypoints of each shape in a file.

    A CSV file has columns shape, name, x, y, z. A JSON file has KeypointNet's annotations; the shapes of other synsets
    are left out, and a keypoint's name is its ``semantic_id``. KeypointNet annotated the meshes of ShapeNetCore.v2, so
    its frame is theirs.

    Raises InputError, naming the file and the line or the entry, for a file that cannot be read, a keypoint that occurs
    twice in a shape, or a file without a shape of the synset.
    """
    rows = _from_csv(file, limits) if file.suffix.lower() == ".csv" else _from_json(file, synset, limits)
    by_shape: dict[str, Keypoints] = {}
    for shape, name, point in rows:
        if name in by_shape.setdefault(shape, {}):
            raise InputError(f"{file}: shape {shape} has two keypoints {name}; rename or delete one")
        by_shape[shape][name] = point
    if not by_shape:
        raise InputError(f"{file}: has no keypoints of synset {synset}; is it the file of another category?")
    return by_shape


def check(source: str, keypoints: Keypoints, distances: np.ndarray) -> None:
    """Raise InputError if a keypoint is far from its shape: then the frames differ.

    ``source`` names the file and the shape in messages; ``distances`` (K,) are to the surface, in ShapeNet units.
    """
    worst = int(np.argmax(distances))
    if distances[worst] > FARTHEST:
        raise InputError(
            f"{source}: keypoint {list(keypoints)[worst]} is {distances[worst]:.3f} off the surface ({FARTHEST} is "
            "allowed); keypoints must be in the frame of the mesh (ShapeNetCore.v2: y up, front -z, diagonal 1)"
        )


def _from_csv(file: Path, limits: Limits) -> list[tuple[str, str, np.ndarray]]:
    table = point_tables.read(file, ["shape", "name"], limits)
    return [(shape, name, point) for (shape, name), point in zip(table.texts.tolist(), table.points, strict=True)]


def _from_json(file: Path, synset: str, limits: Limits) -> list[tuple[str, str, np.ndarray]]:
    limits.check_mesh(file)
    try:
        entries: Any = json.loads(texts.read(file, limits.mesh_mb))
    except ValueError as error:
        raise InputError(f"{file}: is not JSON ({error})") from error
    if not isinstance(entries, list):
        raise InputError(f"{file}: must be a list of shapes, as in KeypointNet's annotations")
    rows = []
    for index, entry in enumerate(entries):
        try:
            if entry["class_id"] != synset:
                continue
            for keypoint in entry["keypoints"]:
                point = np.array(keypoint["xyz"], float)
                if point.shape != (3,) or not np.isfinite(point).all():
                    raise ValueError(f"xyz is {keypoint['xyz']}")
                rows.append((str(entry["model_id"]), str(int(keypoint["semantic_id"])), point))
        except (KeyError, TypeError, ValueError) as error:
            flaw = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{file}: entry {index} is not as in KeypointNet's annotations: {flaw}") from error
    return rows
