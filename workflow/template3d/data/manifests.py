"""Manifests: what is known of each good mesh of a shard (normalization and measures), and the flaw of each bad one."""

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from template3d.data import archives
from template3d.geometry.normalization import Normalization
from template3d.runtime.files import write_text


def write(file: Path, good: dict[str, dict[str, Any]], failed: dict[str, str]) -> None:
    """Write a shard's manifest: the entry of each good shape, and the flaw, in words, of each bad one.

    An entry has ``offset`` and ``scale``, the measures of ``measures.measure``, ``geometry``, a digest that is the same
    for identical meshes, and for some shapes ``known_fault``, from resources/known_faults.csv.
    """
    write_text(file, json.dumps({"shapes": good, "failed": failed}, indent=1) + "\n")


def entries(files: Iterable[str | Path]) -> dict[str, dict[str, Any]]:
    """The good shapes in manifests, each with its entry."""
    return {shape: entry for file in files for shape, entry in json.loads(Path(file).read_text())["shapes"].items()}


def read(files: Iterable[str | Path]) -> dict[str, Normalization]:
    """The good shapes in manifests, each with its normalization."""
    return {shape: Normalization(np.array(entry["offset"]), entry["scale"]) for shape, entry in entries(files).items()}


def failures(files: Iterable[str | Path]) -> dict[str, str]:
    """The shapes that could not be prepared, each with its flaw."""
    return {shape: flaw for file in files for shape, flaw in json.loads(Path(file).read_text())["failed"].items()}


def usable(shapes: Sequence[str], files: Iterable[str | Path], shards: Iterable[str | Path] = ()) -> list[str]:
    """The shapes, in order, that were prepared and did not fail in any of the archives ``shards``."""
    good = read(files)
    failed = {shape for shard in shards for shape in archives.failures(Path(shard))}
    return [shape for shape in shapes if shape in good and shape not in failed]


def lacking(shapes: Sequence[str], usable_shapes: Collection[str]) -> dict[str, str]:
    """The other shapes of a list, each with the reason why a stage that takes only usable shapes leaves it out."""
    reason = "an earlier stage could not use it; results/data/failed.csv says why"
    return dict.fromkeys((shape for shape in shapes if shape not in set(usable_shapes)), reason)
