"""The files in which the shapes of a category are annotated; Snakemake imports this module at every start."""

from collections.abc import Collection
from pathlib import Path

MESHES = (".glb", ".obj")
"""Painted or textured meshes, whose colours are labels."""
LABELS = (".csv", ".ply", *MESHES)
"""The label files of users, each named after its shape."""
PART_POINTS = (".txt", ".pts")
"""Files of ShapeNetPart, each named after its shape."""
KEYPOINTS = (".csv", ".json")


def labels_of(root: Path, category: str, synset: str, shapes: Collection[str]) -> list[Path]:
    """The label files of a category: all in the folder ``category``, and ShapeNetPart's of ``shapes`` in ``synset``."""
    part_points = [*_files(root / synset, PART_POINTS), *_files(root / synset / "points", PART_POINTS)]
    return [*_files(root / category, LABELS), *(file for file in part_points if file.stem in shapes)]


def parts_file(points_file: Path) -> Path | None:
    """The file of ShapeNetPart with the parts of the points in a ``.pts`` file; None for a ``.txt`` file."""
    if points_file.suffix.lower() != ".pts":
        return None
    return points_file.parents[1] / "points_label" / f"{points_file.stem}.seg"


def keypoints_of(root: Path, category: str) -> list[Path]:
    """The keypoint files of a category: all in its folder."""
    return _files(root / category, KEYPOINTS)


def _files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files with some suffixes in a folder, sorted; empty if the folder does not exist."""
    return sorted(file for file in folder.glob("*") if file.suffix.lower() in suffixes) if folder.is_dir() else []
