"""What the figures of errors show: Chamfer distances by method, by angle of the view, and the worst shapes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from template3d.data import archives, views
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.methods import METHODS
from template3d.evaluation.tables import MEASURE, TITLES
from template3d.rendering import cameras
from template3d.report.pictures import Picture

ANGLES = {"azimuth_deg": "azimuth (degrees; 0 is the front)", "elevation_deg": "elevation (degrees)"}


def of_fixed_view(metrics: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The scored rows for the fixed view of a kind, and those of baselines that use no view."""
    scored = metrics[metrics[MEASURE].notna()]
    scored = scored[(scored["view_kind"] == kind) | scored["view_kind"].isna()]
    return scored[scored["views"].isna() | (scored["views"] == "fixed")]


def by_method(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The errors (N,) of each method, by its title."""
    return {TITLES[name]: of_method[MEASURE].to_numpy() for name, of_method in rows.groupby("method", sort=False)}


def by_angle(metrics: pd.DataFrame, methods: Sequence[str]) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """For each angle of the view, by its label: angles and errors, both (N,), of each method and kind of views."""
    scored = metrics[metrics[MEASURE].notna() & metrics["method"].isin(methods)]
    groups = [
        (f"{METHODS[method].name}, {kind} views", rows)
        for (method, kind), rows in scored.groupby(["method", "view_kind"], sort=False)
    ]
    return {
        label: {name: (rows[angle].to_numpy(), rows[MEASURE].to_numpy()) for name, rows in groups}
        for angle, label in ANGLES.items()
    }


def add_worst(
    picture: Picture,
    category: str,
    worst: pd.DataFrame,
    view_shards: Iterable[Path],
    truths: PreparedMeshes,
    reconstructions: Mapping[str, Path],
) -> None:
    """Add the shapes of ``worst``, rows of ``of_fixed_view``, to a picture, each with its error as title."""
    archive_of = archives.index(view_shards)
    for shape, kind, index, error in worst[["shape", "view_kind", "view", MEASURE]].itertuples(index=False):
        view = cameras.described_view(views.read_cameras(archive_of, category, shape, kind), int(index))
        image = np.array(views.read_one(archive_of, category, shape, kind, int(index)))
        member = f"{shape}/{kind}_fixed_{int(index):02d}.ply"
        picture.add_shape(view, image, truths[shape], reconstructions, member, f"{shape[:4]}: {error:.2f}")
