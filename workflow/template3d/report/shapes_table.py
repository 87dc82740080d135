"""The table of all prepared shapes: measures, dropped samples, identical geometry, known faults."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from template3d.data import manifests, samples

COLUMNS = ["category", "split", "shape", "faces", "components", "watertight", "open_edges", "hidden_share"]
COLUMNS += ["extent_x", "extent_y", "extent_z", "samples_dropped", "same_geometry", "known_fault"]


def shapes_table(manifest_files: Sequence[Path], sdf_shards: Sequence[Path]) -> pd.DataFrame:
    """One row for each shape in manifests, sorted; ``sdf_shards`` are the ``sdf.zip`` beside them.

    ``same_geometry`` names the other shapes of the category with the same triangles, as in "train/1a2b train/3c4d".
    """
    dropped = {shard.parent: samples.dropped(shard) for shard in sdf_shards}
    rows = []
    for file in manifest_files:
        category, split = file.parts[-3], file.parts[-2].partition("-")[0]
        for shape, entry in manifests.entries([file]).items():
            extent = dict(zip(("extent_x", "extent_y", "extent_z"), entry["extent"], strict=True))
            row = {"category": category, "split": split, "shape": shape} | entry | extent
            rows.append(row | {"samples_dropped": dropped[file.parent].get(shape)})
    table = pd.DataFrame(rows, columns=[*COLUMNS, "geometry"]).sort_values(["category", "split", "shape"])
    names = table["split"] + "/" + table["shape"]
    twins: dict[int, str] = {}
    for _, group in names.groupby([table["category"], table["geometry"]]):
        twins |= {index: " ".join(group.drop(index)) for index in group.index if len(group) > 1}
    table["same_geometry"] = pd.Series(twins, dtype=object)
    return table[COLUMNS].astype({"samples_dropped": "Int64"})


def leaked(table: pd.DataFrame) -> dict[str, int]:
    """By category, how many test shapes have the triangles of a training shape; only categories with any."""
    twins = table[(table["split"] == "test") & table["same_geometry"].fillna("").str.contains("train/", regex=False)]
    return twins.groupby("category").size().to_dict()
