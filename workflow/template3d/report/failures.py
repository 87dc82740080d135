"""The table of shapes that the data stages could not use, and why."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from template3d.data import archives, manifests
from template3d.rendering import protocols

STAGES = dict.fromkeys(protocols.KINDS, "render") | {"manifest": "prepare"}
COLUMNS = ["category", "split", "shape", "stage", "reason"]
SHAPE = ["category", "shape"]
"""What identifies a shape: two categories may have shapes of one name, also in different splits."""


def failures_table(
    shard_files: Iterable[Path], left_out: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> pd.DataFrame:
    """One row for each shape and stage that failed, sorted, from the manifests and archives of shards.

    ``left_out`` holds what looks like a mesh and belongs to no split, by category and name, each with the reason.
    """
    rows = [(kind, "", name, "prepare", reason) for kind, names in left_out.items() for name, reason in names.items()]
    for file in shard_files:
        category, split = file.parts[-3], file.parts[-2].partition("-")[0]
        failed = manifests.failures([file]) if file.suffix == ".json" else archives.failures(file)
        stage = STAGES.get(file.stem, file.stem)
        rows += [(category, split, shape, stage, reason) for shape, reason in failed.items()]
    return pd.DataFrame(rows, columns=COLUMNS).drop_duplicates([*SHAPE, "stage"]).sort_values(COLUMNS)


def failed_shapes(table: pd.DataFrame) -> int:
    """The number of shapes in the table of ``failures_table``."""
    return len(table.drop_duplicates(SHAPE))
