"""Manifests: the results of a shard's check, with the normalization of each good shape and the flaw of each bad one."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from template3d.data import archives
from template3d.geometry.normalization import Normalization
from template3d.runtime.files import write_text


def write(file: Path, good: dict[str, Normalization], failed: dict[str, str]) -> None:
    """Write a shard's manifest: the normalization of each good shape, and the flaw, in words, of each bad one."""
    shapes = {
        shape: {"offset": normalization.offset.tolist(), "scale": normalization.scale}
        for shape, normalization in good.items()
    }
    write_text(file, json.dumps({"shapes": shapes, "failed": failed}, indent=1) + "\n")


def read(files: Iterable[str | Path]) -> dict[str, Normalization]:
    """The good shapes in manifests, each with its normalization."""
    normalizations = {}
    for file in files:
        for shape, normalization in json.loads(Path(file).read_text())["shapes"].items():
            normalizations[shape] = Normalization(np.array(normalization["offset"]), normalization["scale"])
    return normalizations


def failures(files: Iterable[str | Path]) -> dict[str, str]:
    """The shapes that failed the check, each with its flaw."""
    return {shape: flaw for file in files for shape, flaw in json.loads(Path(file).read_text())["failed"].items()}


def usable(shapes: Sequence[str], files: Iterable[str | Path], shards: Iterable[str | Path] = ()) -> list[str]:
    """The shapes, in order, that passed the check and did not fail in any of the archives ``shards``."""
    good = read(files)
    failed = {shape for shard in shards for shape in archives.failures(Path(shard))}
    return [shape for shape in shapes if shape in good and shape not in failed]
