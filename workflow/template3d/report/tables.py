"""The tables, from the measures of single shapes."""

from collections.abc import Sequence

import pandas as pd

MEASURE = "chamfer_shapenet_x1000"
METHODS = {
    "two_phase": "Reconstruction from one view (two-phase)",
    "end_to_end": "Reconstruction from one view (end-to-end)",
    "template_only": "The template alone",
    "train_average": "A training shape picked blindly",
}
VIEWS = ("fixed", "random")


def summary(metrics: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """A row per category, method (of ``methods``, those that are there) and choice of views: mean and median.

    ``metrics`` has a row per shape: category, shape, method, views (empty where a method looks at no view, and then
    counted under both choices), the measure and status. ``scored`` counts the shapes behind mean and median: a
    reconstruction without surface counts, by its distance as a point; a shape whose own mesh is unfit cannot.
    """
    rows = []
    for category in metrics["category"].unique():
        for method in [method for method in methods if (metrics["method"] == method).any()]:
            for views in VIEWS:
                of_method = metrics[(metrics["category"] == category) & (metrics["method"] == method)]
                chosen = of_method[of_method["views"].isna() | (of_method["views"] == views)]
                values = chosen[MEASURE].dropna()
                rows.append(
                    {
                        "category": category,
                        "method": method,
                        "views": views,
                        "measure": MEASURE,
                        "mean": values.mean(),
                        "median": values.median(),
                        "scored": len(values),
                        "listed": len(chosen),
                    }
                )
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame, title: str, failures: int) -> str:
    """A summary for reading: categories across, methods down; ``failures`` counts meshes without a face."""
    categories = list(table["category"].unique())
    lines = [
        f"# {title}",
        "",
        "| method | views | " + " | ".join(f"{c} mean | {c} median" for c in categories) + " |",
        "| --- | --- |" + " ---: | ---: |" * len(categories),
    ]
    for (method, views), rows in table.groupby(["method", "views"], sort=False):
        by_category = rows.set_index("category")
        cells = [f"{by_category.at[c, part]:.2f}" for c in categories for part in ("mean", "median")]
        lines.append(f"| {METHODS[method]} | {views} | " + " | ".join(cells) + " |")
    counts = table.drop_duplicates("category").set_index("category")
    scored = ", ".join(f"{c} {counts.at[c, 'scored']} of {counts.at[c, 'listed']}" for c in categories)
    lines += [
        "",
        "Squared distances to the nearest point, both ways summed, in ShapeNet units (diagonal 1), times 1000. "
        f"Shapes scored: {scored}. Reconstructions without any surface: {failures}; each counts as a single point at "
        "the centre of its shape. What looks at no view shows the same number for both choices.",
        "",
    ]
    return "\n".join(lines)
