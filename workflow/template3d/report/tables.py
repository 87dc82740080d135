"""The tables, from the measures of single shapes."""

import pandas as pd

MEASURE = "chamfer_shapenet_x1000"
METHODS = {
    "two_phase": "Reconstruction from one view (two-phase)",
    "template_only": "The template alone",
    "train_average": "A training shape picked blindly",
}
VIEWS = ("fixed", "random")


def table1(metrics: pd.DataFrame) -> pd.DataFrame:
    """Table 1: a row per category, method and choice of views, with mean and median over the test shapes.

    ``metrics`` has a row per shape: category, shape, method, views (empty where a method looks at no view, and then
    counted under both choices), the measure and status. ``scored`` counts the shapes behind mean and median: a
    reconstruction without surface counts, by its distance as a point; a shape whose own mesh is unfit cannot.
    """
    rows = []
    for category in metrics["category"].unique():
        for method in METHODS:
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


def table1_markdown(table: pd.DataFrame, failures: int) -> str:
    """Table 1 for reading: categories across, methods down."""
    categories = list(table["category"].unique())
    lines = [
        "# Table 1: Chamfer distance x 1000 on the test shapes",
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
        "the centre of its shape. Baselines look at no view, so both choices show the same number.",
        "",
    ]
    return "\n".join(lines)
