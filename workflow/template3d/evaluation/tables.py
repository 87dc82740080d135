"""Tables, computed from the measures of single shapes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from template3d.evaluation import camera_frame, metrics
from template3d.evaluation.methods import BASELINES, METHODS
from template3d.rendering.protocols import KINDS

TITLES = {name: method.title for name, method in METHODS.items()} | BASELINES

MEASURE = next(iter(metrics.MEASURES))
"""The paper's measure."""
ALL_MEASURES = metrics.MEASURES | camera_frame.MEASURES
MEASURES = {name: measure.title for name, measure in ALL_MEASURES.items()}
CHOICES = ("fixed", "random")
VIEWS = (*CHOICES, *(f"{kind}_{choice}" for kind in KINDS[1:] for choice in CHOICES))
"""Choices of views; those of the first kind, easy, have no prefix."""
RETRIEVAL = "nearest_code"
"""The baseline that every method must beat (Tatarchenko et al., 2019)."""
RESAMPLES = 10_000
CONFIDENCE = 0.95


def read_metrics(file: str | Path) -> pd.DataFrame:
    """The rows that a rule of evaluation wrote; shapes may have any name, ``NA`` included."""
    return pd.read_csv(file, dtype={"shape": str}, na_values=[""], keep_default_na=False)


def of_fixed_view(metrics_file: str | Path, kind: str) -> dict[str, float]:
    """The paper's measure, by shape, of the shapes that were scored from the fixed view of a kind."""
    table = read_metrics(metrics_file)
    table = table[(table["views"] == "fixed") & (table["view_kind"] == kind)]
    return table.set_index("shape")[MEASURE].dropna().to_dict()


def summary(metrics_rows: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """A row per measure, category, method (those of ``methods`` that occur) and choice of views.

    ``metrics_rows`` has a row per shape and view, with category, shape, method, views (``fixed`` or ``random``),
    view_kind, the measures, and status. A method without a view has no value in views and counts under both choices.
    The rows of kinds other than the first, easy, are listed as ``hard_fixed``, ``hard_random`` and so on.

    Mean, median, the 95 % bootstrap interval of the mean (``mean_low``, ``mean_high``) and ``mean_of_successes`` are
    over shapes, each with the mean over its views. ``difference`` is the mean of the method less that of RETRIEVAL from
    the same views, with its interval, over the ``compared`` shapes that both scored; ``better`` counts those on which
    the method wins. ``scored`` is the number of shapes in the mean. A reconstruction without surface is scored as a
    single point; a shape with an unusable mesh is not scored. ``failed`` is the number of reconstructions without
    surface, which ``mean_of_successes``, the paper's rule, leaves out.
    """
    other = metrics_rows["view_kind"].isin(KINDS[1:])
    prefixed = metrics_rows["view_kind"].astype(str) + "_" + metrics_rows["views"].astype(str)
    metrics_rows = metrics_rows.assign(views=metrics_rows["views"].where(~other, prefixed))
    rows = []
    for measure in [name for name in MEASURES if name in metrics_rows]:
        for category in metrics_rows["category"].unique():
            of_category = metrics_rows[metrics_rows["category"] == category]
            retrieval = of_category[of_category["method"] == RETRIEVAL]
            for method in methods:
                of_method = of_category[of_category["method"] == method]
                if of_method[measure].isna().all():  # no rows, or no values
                    continue
                for views in VIEWS:
                    by_view, without_view = of_method["views"] == views, of_method["views"].isna()
                    if by_view.any() or (without_view.all() and views in CHOICES):
                        # a bad mesh has no view and is listed under each choice
                        selected = of_method[by_view | without_view]
                        labels = {"category": category, "method": method, "views": views, "measure": measure}
                        retrieval_rows = (
                            retrieval[retrieval["views"] == views] if method != RETRIEVAL else retrieval[:0]
                        )
                        rows.append(labels | _numbers(selected, measure) | _compared(selected, retrieval_rows, measure))
    return pd.DataFrame(rows)


def _numbers(rows: pd.DataFrame, measure: str) -> dict[str, float]:
    values = rows.groupby("shape")[measure].mean()
    known = values.dropna()
    successes = rows[rows["status"] == "ok"].groupby("shape")[measure].mean()
    low, high = interval(known.to_numpy())
    return {
        "mean": known.mean(),
        "median": known.median(),
        "scored": len(known),
        "listed": len(values),
        "mean_low": low,
        "mean_high": high,
        "mean_of_successes": successes.mean(),
        "failed": int((rows["status"] == "no surface").sum()),
    }


def _compared(rows: pd.DataFrame, retrieval_rows: pd.DataFrame, measure: str) -> dict[str, float]:
    """The difference of a method to retrieval, paired by shape."""
    pairs = rows.groupby("shape")[measure].mean() - retrieval_rows.groupby("shape")[measure].mean()
    differences = pairs.dropna().to_numpy()
    low, high = interval(differences)
    better = differences > 0 if ALL_MEASURES[measure].higher_is_better else differences < 0
    return {
        "difference": differences.mean() if len(differences) else np.nan,
        "difference_low": low,
        "difference_high": high,
        "better": int(better.sum()),
        "compared": len(differences),
    }


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean of values (N,); for equal values, the value itself."""
    if len(np.unique(values)) < 2:
        return (float(np.mean(values)),) * 2 if len(values) else (np.nan, np.nan)
    bounds = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile", random_state=0
    ).confidence_interval
    return float(bounds.low), float(bounds.high)


def markdown(table: pd.DataFrame, title: str, published: pd.DataFrame | None = None) -> str:
    """A summary as Markdown: the paper's measure by category, then every measure, with one block per category."""
    paper = _wide(table[table["measure"] == MEASURE])
    counts = table.drop_duplicates("category").set_index("category")
    scored = ", ".join(f"{c} {row.scored} of {row.listed}" for c, row in counts.iterrows())
    first = table[table["measure"] == MEASURE]
    failures = int(first["failed"].sum())
    lines = [
        f"# {title}",
        "",
        _grid(paper, texts=True),
        "",
        "Squared distances to the nearest point, both ways summed, in ShapeNet units (diagonal 1), times 1000: mean "
        "over the shapes, each with the mean over its views [95 % bootstrap interval], and median. Views are easy "
        f"ones unless they are called hard. Shapes scored: {scored}. Reconstructions without any surface: "
        f"{failures}; each counts as a single point at the centre of its shape. A method that uses no view has the "
        "same number for both choices.",
        "",
        *_against_retrieval(table),
    ]
    if failures:
        left_out = first[first["failed"] > 0][["category", "method", "views", "mean", "mean_of_successes", "failed"]]
        lines += ["## By the paper's rule, which leaves failures out", "", _grid(left_out), ""]
    lines += ["## Every measure", ""]
    for category in table["category"].unique():
        rows = table[(table["category"] == category) & table["views"].str.endswith("fixed")]
        rows = rows.assign(method=rows["method"].map(TITLES), measure=rows["measure"].map(MEASURES))
        wide = rows.pivot(index=["method", "views"], columns="measure", values="mean")
        wide = wide.reindex(columns=[name for name in MEASURES.values() if name in wide]).reset_index()
        order = {name: rank for rank, name in enumerate(TITLES.values())}
        wide = wide.sort_values(["views", "method"], key=lambda column: column.map(order).fillna(-1), kind="stable")
        lines += [f"{category}, fixed view, means:", "", _grid(wide.sort_values("views", kind="stable")), ""]
    if published is not None:
        lines += [
            "## What others published",
            "",
            "These numbers use other shapes, other numbers of points and other frames, as each row says. They are for "
            "orientation and are not directly comparable with the numbers above.",
            "",
            _grid(published),
            "",
        ]
    return "\n".join(lines)


def _against_retrieval(table: pd.DataFrame) -> list[str]:
    """Lines of Markdown that say in words which methods are better than retrieval; none without retrieval."""
    trained = table[(table["measure"] == MEASURE) & table["method"].isin(METHODS) & (table["compared"] > 0)]
    lines = []
    for row in trained.itertuples():
        amount = f"{row.difference:+.3g} [{row.difference_low:+.3g}, {row.difference_high:+.3g}]"
        if row.compared < 2:
            verdict = f"one shape says little: {row.difference:+.3g}"
        elif row.difference_high < 0:
            verdict = f"better than retrieval: {amount}"
        elif row.difference_low > 0:
            verdict = f"**worse than retrieval**: {amount}"
        else:
            verdict = f"no clear difference to retrieval: {amount}"
        views = row.views.replace("_", " ")
        lines.append(
            f"* {row.category}, {METHODS[row.method].name}, {views}: {verdict}, better on {row.better} of "
            f"{row.compared} shapes"
        )
    if not lines:
        return []
    explained = (
        "Retrieval shows the training shape whose code is nearest to the code of the view. A method that is not better "
        "has learned no more than to recognize the training shapes. Below: the mean difference, paired by shape "
        "[95 % bootstrap interval]; less is better."
    )
    return ["## Against retrieval", "", explained, "", *lines, ""]


def latex(table: pd.DataFrame, caption: str) -> str:
    """A summary of the paper's measure as a LaTeX table with booktabs rules."""
    wide = _wide(table[table["measure"] == MEASURE])
    return wide.to_latex(index=False, escape=True, caption=caption, column_format="ll" + "r" * (wide.shape[1] - 2))


def _wide(table: pd.DataFrame) -> pd.DataFrame:
    """Methods and views as rows, categories as columns: the mean with its interval, and the median, as text."""
    rows = []
    for (method, views), group in table.groupby(["method", "views"], sort=False):
        row = {"method": TITLES[method], "views": views}
        for entry in group.itertuples():
            row[f"{entry.category} mean"] = f"{entry.mean:.2f} [{entry.mean_low:.2f}, {entry.mean_high:.2f}]"
            row[f"{entry.category} median"] = f"{entry.median:.2f}"
            if entry.compared:
                row[f"{entry.category} better than retrieval"] = f"{entry.better} of {entry.compared}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _grid(table: pd.DataFrame, texts: bool = False) -> str:
    """A table as Markdown; with ``texts``, cells are shown as they are, also where they look like numbers."""
    known = table.astype(object).where(table.notna(), None)
    return known.to_markdown(index=False, floatfmt=".4g", missingval="", disable_numparse=texts)
