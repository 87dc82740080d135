"""The tables, from the measures of single shapes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

MEASURE = "chamfer_shapenet_x1000"
"""The paper's."""
MEASURES = {
    "chamfer_shapenet_x1000": "Chamfer, ShapeNet units, x 1000",
    "chamfer_unit_x1000": "Chamfer, unit sphere, x 1000",
    "chamfer_l1_occnet_x10": "Chamfer-L1 of Occupancy Networks, x 10",
    "f_score_1_percent": "F-score at 1 %",
    "normal_consistency": "normal consistency",
    "volumetric_iou": "volumetric IoU",
}
METHODS = {
    "two_phase": "Reconstruction from one view (two-phase)",
    "end_to_end": "Reconstruction from one view (end-to-end)",
    "template_only": "The template alone",
    "train_average": "A training shape picked blindly",
    "nearest_code": "The training shape with the nearest code",
    "nearest_oracle": "The nearest training shape there is",
    "code_fit": "A code fitted to the true distances",
}
VIEWS = ("fixed", "random", "hard_fixed", "hard_random")
RESAMPLES = 10_000
CONFIDENCE = 0.95


def summary(metrics: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """A row per measure, category, method (of ``methods``, those that are there) and choice of views.

    ``metrics`` has a row per shape and view: category, shape, method, views (``fixed`` or ``random``; empty where a
    method looks at no view, and then counted under both choices) and view_kind, the measures, and status. The rows of
    hard views stand under ``hard_fixed`` and ``hard_random``. Mean, median, the 95 % bootstrap interval of the mean
    (``mean_low``, ``mean_high``) and ``mean_of_successes`` are over shapes, each with the mean over its views.
    ``scored`` counts the shapes behind the mean: a reconstruction without surface counts, as a point; a shape whose own
    mesh is unfit cannot. ``failed`` counts reconstructions without surface, which ``mean_of_successes``, the paper's
    rule, leaves out.
    """
    hard = metrics["view_kind"] == "hard"
    metrics = metrics.assign(views=metrics["views"].where(~hard, "hard_" + metrics["views"].astype(str)))
    rows = []
    for measure in [name for name in MEASURES if name in metrics]:
        for category in metrics["category"].unique():
            for method in [method for method in methods if (metrics["method"] == method).any()]:
                of_method = metrics[(metrics["category"] == category) & (metrics["method"] == method)]
                if of_method[measure].isna().all():
                    continue
                for views in VIEWS:
                    by_view, blind = of_method["views"] == views, of_method["views"].isna()
                    chosen = of_method[by_view | blind]  # a bad mesh has no view, and is listed under each
                    if by_view.any() or (blind.all() and not views.startswith("hard")):
                        same = {"category": category, "method": method, "views": views, "measure": measure}
                        rows.append(same | _numbers(chosen, measure))
    return pd.DataFrame(rows)


def _numbers(chosen: pd.DataFrame, measure: str) -> dict[str, float]:
    values = chosen.groupby("shape")[measure].mean()
    known = values.dropna()
    successes = chosen[chosen["status"] == "ok"].groupby("shape")[measure].mean()
    low, high = interval(known.to_numpy())
    return {
        "mean": known.mean(),
        "median": known.median(),
        "scored": len(known),
        "listed": len(values),
        "mean_low": low,
        "mean_high": high,
        "mean_of_successes": successes.mean(),
        "failed": int((chosen["status"] == "no surface").sum()),
    }


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean of values (N,); the value itself if there is one only."""
    if len(np.unique(values)) < 2:
        return (float(np.mean(values)),) * 2 if len(values) else (np.nan, np.nan)
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile", random_state=0
    ).confidence_interval
    return float(found.low), float(found.high)


def markdown(table: pd.DataFrame, title: str, published: pd.DataFrame | None = None) -> str:
    """A summary for reading: the paper's measure first, categories across; then every measure, a block a category."""
    paper = _wide(table[table["measure"] == MEASURE])
    counts = table.drop_duplicates("category").set_index("category")
    scored = ", ".join(f"{c} {row.scored} of {row.listed}" for c, row in counts.iterrows())
    first = table[table["measure"] == MEASURE]
    failures = int(first["failed"].sum())
    lines = [
        f"# {title}",
        "",
        _grid(paper),
        "",
        "Squared distances to the nearest point, both ways summed, in ShapeNet units (diagonal 1), times 1000: mean "
        "over the shapes, each with the mean over its views [95 % bootstrap interval], and median. Views are easy "
        f"ones unless they are called hard. Shapes scored: {scored}. Reconstructions without any surface: "
        f"{failures}; each counts as a single point at the centre of its shape. What looks at no view shows the same "
        "number for both choices.",
        "",
    ]
    if failures:
        left_out = first[first["failed"] > 0][["category", "method", "views", "mean", "mean_of_successes", "failed"]]
        lines += ["## By the paper's rule, which leaves failures out", "", _grid(left_out), ""]
    lines += ["## Every measure", ""]
    for category in table["category"].unique():
        rows = table[(table["category"] == category) & table["views"].isin(["fixed", "hard_fixed"])]
        rows = rows.assign(method=rows["method"].map(METHODS), measure=rows["measure"].map(MEASURES))
        wide = rows.pivot(index=["method", "views"], columns="measure", values="mean")
        wide = wide.reindex(columns=[name for name in MEASURES.values() if name in wide]).reset_index()
        order = {name: rank for rank, name in enumerate(METHODS.values())}
        wide = wide.sort_values(["views", "method"], key=lambda column: column.map(order).fillna(-1), kind="stable")
        lines += [f"{category}, fixed view, means:", "", _grid(wide.sort_values("views", kind="stable")), ""]
    if published is not None:
        lines += [
            "## What others published",
            "",
            "Not on our ruler: other shapes, other numbers of points, other frames, as each row says. They are here "
            "for orientation and must not be compared with the numbers above digit by digit.",
            "",
            _grid(published),
            "",
        ]
    return "\n".join(lines)


def latex(table: pd.DataFrame, caption: str) -> str:
    """A summary of the paper's measure as a LaTeX table, with booktabs' rules."""
    wide = _wide(table[table["measure"] == MEASURE])
    return wide.to_latex(index=False, escape=True, caption=caption, column_format="ll" + "r" * (wide.shape[1] - 2))


def _wide(table: pd.DataFrame) -> pd.DataFrame:
    """Methods and views down, categories across: mean with its interval, and median, as text."""
    rows = []
    for (method, views), group in table.groupby(["method", "views"], sort=False):
        row = {"method": METHODS[method], "views": views}
        for entry in group.itertuples():
            row[f"{entry.category} mean"] = f"{entry.mean:.2f} [{entry.mean_low:.2f}, {entry.mean_high:.2f}]"
            row[f"{entry.category} median"] = f"{entry.median:.2f}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _grid(table: pd.DataFrame) -> str:
    known = table.astype(object).where(table.notna(), None)
    return known.to_markdown(index=False, floatfmt=".4g", missingval="")
