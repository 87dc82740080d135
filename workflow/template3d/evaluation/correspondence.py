"""How well keypoints and parts agree with annotations after they were carried from other shapes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from template3d.evaluation.tables import interval

THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(1, 11))
"""Distances of the PCK, in ShapeNet units, of which a shape's diagonal is 1: those of KeypointNet's benchmark."""
PCK = {f"pck_{threshold:.2f}": threshold for threshold in THRESHOLDS}
"""The columns of the PCK."""
METHODS = {
    "template": "through the template",
    "space": "nearest point in space",
    "box": "nearest point, boxes matched",
    "best": "the best of the points",
}
"""How points are carried: "best" is the point nearest to the true keypoint, the limit of all others."""
BASELINES = ("space", "box")
SHOWN = {
    "pck_0.01": "PCK at 0.01",
    "pck_0.02": "PCK at 0.02",
    "pck_0.05": "PCK at 0.05",
    "keypoint_error": "distance of keypoints",
    "part_iou": "part mIoU",
    "part_accuracy": "points of the right part",
}
"""The columns of the table in Markdown."""
MEASURES = (*PCK, "keypoint_error", "part_iou", "part_accuracy")
"""The columns of a measurement that are numbers, empty for what is not annotated."""
COLUMNS = ("category", "split", "shape", "method", *MEASURES)
"""The columns of a measurement, which has a row per target shape and method."""
COMPARED = ("pck_0.02", "part_iou")
"""The measures by which methods are compared in words."""


def pck(distances: np.ndarray) -> dict[str, float]:
    """The share of keypoints whose distance (K,) from the true ones is below each threshold: the PCK.

    Distances are in ShapeNet units. Source: the benchmark of KeypointNet (You et al., 2020), whose distances are along
    the surface; here they are straight, as in Kim et al. (2023).
    """
    return {column: float((distances < threshold).mean()) for column, threshold in PCK.items()}


def part_iou(predicted: np.ndarray, truth: np.ndarray, parts: Sequence[str]) -> float:
    """The mean over ``parts`` of the intersection over union of the points with that part, of one shape.

    ``predicted`` and ``truth`` (N,) are the parts of its points. A part that neither has counts 1. Source: PointNet (Qi
    et al., 2017).
    """
    ious = []
    for part in parts:
        said, true = predicted == part, truth == part
        ious.append((said & true).sum() / (said | true).sum() if (said | true).any() else 1.0)
    return float(np.mean(ious))


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per category, split and method: means over shapes, and the mean difference to each of the BASELINES.

    ``rows`` has the COLUMNS. ``pck_0.02_over_space`` is the mean difference to the baseline ``space``,
    with its 95 % bootstrap interval (``_low``, ``_high``), paired by shape.
    """
    means = []
    for (category, split), of_split in rows.groupby(["category", "split"], sort=False):
        by_method = {name: part.set_index("shape") for name, part in of_split.groupby("method", sort=False)}
        for method, values in by_method.items():
            row = {"category": category, "split": split, "method": method, "shapes": len(values)}
            row |= values[list(MEASURES)].mean().to_dict()
            for baseline in BASELINES if method == "template" else ():
                for measure in COMPARED:
                    difference = (values[measure] - by_method[baseline][measure]).dropna().to_numpy()
                    if len(difference):
                        name = f"{measure}_over_{baseline}"
                        row[name] = float(difference.mean())
                        row[f"{name}_low"], row[f"{name}_high"] = interval(difference)
            means.append(row)
    return pd.DataFrame(means)


def curves(table: pd.DataFrame) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The PCK (T,) of a summary against its thresholds (T,), by category and split, and by method."""
    known = table[table[list(PCK)].notna().all(axis=1)]
    return {
        f"{category}, {split} shapes": {
            METHODS[row["method"]]: (np.array(THRESHOLDS), np.array([row[column] for column in PCK]))
            for row in rows.to_dict("records")
        }
        for (category, split), rows in known.groupby(["category", "split"], sort=False)
    }


def markdown(table: pd.DataFrame) -> str:
    """A summary as Markdown: the measures, and in words whether the template is better than the baselines."""
    measured = [name for name in SHOWN if table[name].notna().any()]
    shown = table.assign(method=table["method"].map(METHODS))[["category", "split", "shapes", "method", *measured]]
    shown = shown.rename(columns=SHOWN).astype(object).where(shown.notna().to_numpy(), None)
    lines = [
        "# Correspondence: keypoints and parts carried from a few shapes to the others",
        "",
        shown.to_markdown(index=False, floatfmt=".3f", missingval=""),
        "",
        "Means over the target shapes. PCK: the share of keypoints nearer to the true ones than a threshold, in "
        "ShapeNet units (diagonal 1), carried from one source shape at a time. Part mIoU: the parts of a shape's "
        "points, by vote of the source shapes. docs/evaluation.md says more.",
        "",
        "## Against the nearest point",
        "",
    ]
    for row in table[table["method"] == "template"].to_dict("records"):
        for measure in COMPARED:
            for baseline in BASELINES:
                name = f"{measure}_over_{baseline}"
                if name not in row or np.isnan(row[name]):
                    continue
                low, high = row[f"{name}_low"], row[f"{name}_high"]
                verdict = "better" if low > 0 else "**worse**" if high < 0 else "no clear difference"
                lines.append(
                    f"* {row['category']}, {row['split']} shapes, {SHOWN[measure]}, {METHODS[baseline]}: {verdict}, "
                    f"{row[name]:+.3f} [{low:+.3f}, {high:+.3f}]"
                )
    return "\n".join(
        [*lines, "", "In brackets: the 95 % bootstrap interval of the mean difference, paired by shape.", ""]
    )
