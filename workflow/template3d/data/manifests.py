"""What the check of a shard found: each good shape's normalisation, each bad one's flaw."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from template3d.data import archives
from template3d.geometry.normalization import Normalization
from template3d.runtime.files import write_text


def write(file: Path, good: dict[str, Normalization], failed: dict[str, str]) -> None:
    """Write a shard's manifest: the normalisation of good shapes, and in words the flaw of the others."""
    shapes = {
        shape: {"offset": normalization.offset.tolist(), "scale": normalization.scale}
        for shape, normalization in good.items()
    }
    write_text(file, json.dumps({"shapes": shapes, "failed": failed}, indent=1) + "\n")


def read(files: Iterable[str | Path]) -> dict[str, Normalization]:
    """The good shapes of some shards, each with its normalisation."""
    found = {}
    for file in files:
        for shape, normalization in json.loads(Path(file).read_text())["shapes"].items():
            found[shape] = Normalization(np.array(normalization["offset"]), normalization["scale"])
    return found


def failures(files: Iterable[str | Path]) -> dict[str, str]:
    """The shapes that the check refused, and why."""
    return {shape: flaw for file in files for shape, flaw in json.loads(Path(file).read_text())["failed"].items()}


def usable(shapes: Sequence[str], files: Iterable[str | Path], shards: Iterable[str | Path] = ()) -> list[str]:
    """Those of ``shapes`` that passed the check and are not missing in the archives ``shards``, in order."""
    good = read(files)
    failed = {shape for shard in shards for shape in archives.failures(Path(shard))}
    return [shape for shape in shapes if shape in good and shape not in failed]
