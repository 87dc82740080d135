"""How much of a difference is luck: Table 1 of several runs that differ in nothing but their seed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from template3d.evaluation.methods import METHODS
from template3d.evaluation.tables import CONFIDENCE, MEASURE, RETRIEVAL, TITLES

MIN_RUNS = 2
"""Runs that a spread takes."""


def summary(tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """A row per category, method and choice of views, over the Table 1 of each seed, in the paper's measure.

    ``mean`` and ``std`` are over the runs, of each run's mean over its test shapes; ``lowest`` and ``highest`` are the
    extreme runs. ``difference`` is the mean difference to retrieval, with the 95 % interval of Student's t over the
    runs (``difference_low``, ``difference_high``); ``better`` counts the runs in which the method wins, of ``runs``.
    """
    every = pd.concat([table.assign(seed=seed) for seed, table in tables.items()])
    every = every[every["measure"] == MEASURE]
    rows = []
    for (category, method, views), runs in every.groupby(["category", "method", "views"], sort=False):
        differences = runs["difference"].dropna().to_numpy()
        low, high = t_interval(differences)
        rows.append(
            {
                "category": category,
                "method": method,
                "views": views,
                "runs": len(runs),
                "mean": runs["mean"].mean(),
                "std": runs["mean"].std(),
                "lowest": runs["mean"].min(),
                "highest": runs["mean"].max(),
                "difference": differences.mean() if len(differences) else np.nan,
                "difference_low": low,
                "difference_high": high,
                "better": int((differences < 0).sum()),
            }
        )
    return pd.DataFrame(rows)


def t_interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean of values (N,) by Student's t; NaN for fewer than two values."""
    if len(values) < MIN_RUNS:
        return np.nan, np.nan
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - reach), float(values.mean() + reach)


def markdown(table: pd.DataFrame, count: int) -> str:
    """A summary as Markdown: the numbers, and in words what they say of retrieval."""
    shown = table.assign(method=table["method"].map(TITLES))
    numbers = shown[["category", "method", "views", "mean", "std", "lowest", "highest"]]
    lines = [
        f"# Chamfer distance x 1000 over {count} seeds",
        "",
        numbers.to_markdown(index=False, floatfmt=".3g"),
        "",
        "Each run has its own seed for everything: which shapes are test shapes, the views and samples, the first "
        "weights and the order of the batches. `mean` and `std` are over the runs.",
        "",
        f"## Against {TITLES[RETRIEVAL]}",
        "",
    ]
    for row in table[table["method"].isin(METHODS)].itertuples():
        amount = f"{row.difference:+.3g} [{row.difference_low:+.3g}, {row.difference_high:+.3g}]"
        verdict = "no more than luck"
        if row.difference_high < 0:
            verdict = "better, beyond luck"
        elif row.difference_low > 0:
            verdict = "worse, beyond luck"
        views = row.views.replace("_", " ")
        lines.append(
            f"* {row.category}, {METHODS[row.method].name}, {views}: {verdict}: {amount}, better in {row.better} of "
            f"{row.runs} runs"
        )
    return "\n".join([*lines, "", "In brackets: the 95 % interval of the mean difference by Student's t.", ""])
