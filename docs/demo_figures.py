"""Write the demo's figures from results/tables/table1.csv into README.md and docs/results.md, between their markers."""

from pathlib import Path

import pandas as pd
from template3d.evaluation.methods import METHODS
from template3d.evaluation.tables import MEASURE, RETRIEVAL, TITLES

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- `make readme-figures` writes from here -->", "<!-- to here -->"
VIEWS = {"fixed": "fixed", "random": "random", "hard_fixed": "hard, fixed", "hard_random": "hard, random"}
OF_VIEW = (*METHODS, RETRIEVAL)
"""The methods that see a view."""


def grid(rows: list[list[str]], text_columns: int) -> str:
    """A Markdown table, its header first, with ``text_columns`` columns of words and the others of numbers."""
    lines = [rows[0], ["---"] * text_columns + ["---:"] * (len(rows[0]) - text_columns), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rows_of(table: pd.DataFrame, views: str) -> list[list[str]]:
    """For each method, its title and the mean of each category, from one choice of views."""
    selected = table[table["views"] == views]
    wide = selected.pivot(index="method", columns="category", values="mean")
    categories = list(selected["category"].unique())
    return [
        [TITLES[name], *(f"{mean:.2f}" for mean in wide.loc[name, categories])] for name in selected["method"].unique()
    ]


def shapes_won(table: pd.DataFrame, views: str) -> list[str]:
    """The row that says on how many shapes the first method is better than retrieval."""
    first = table[(table["views"] == views) & (table["method"] == table["method"].iloc[0])].set_index("category")
    counts = first.reindex(table["category"].unique())[["better", "compared"]].itertuples(index=False)
    return ["" if pd.isna(better) else f"{better:.0f} of {compared:.0f}" for better, compared in counts]


def readme_table(table: pd.DataFrame) -> str:
    """The table of the README: the fixed easy view."""
    won = ["Shapes on which the reconstruction beats retrieval", *shapes_won(table, "fixed")]
    return grid([["method", *table["category"].unique()], *rows_of(table, "fixed"), won], 1)


def results_table(table: pd.DataFrame) -> str:
    """The table of the results page: every choice of views, of the methods that see one, then those that see none."""
    lines = [["method", "views", *table["category"].unique()]]
    for views, title in VIEWS.items():
        selected = table[table["method"].isin(OF_VIEW)]
        if (selected["views"] == views).any():
            lines += [[method, title, *means] for method, *means in rows_of(selected, views)]
            lines.append(["Shapes on which the first is better", title, *shapes_won(selected, views)])
    lines += [[method, "none", *means] for method, *means in rows_of(table[~table["method"].isin(OF_VIEW)], "fixed")]
    return grid(lines, 2)


def replace(file: Path, text: str) -> None:
    """Replace what stands between the markers of a page; raises ValueError if it has none."""
    before, begin, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{file}: lacks {BEGIN} or {END}")
    file.write_text(f"{before}{begin}\n{text}\n{end}{after}")


if __name__ == "__main__":
    rows = pd.read_csv(ROOT / "results/tables/table1.csv")
    chamfer = rows[rows["measure"] == MEASURE]
    replace(ROOT / "README.md", readme_table(chamfer))
    replace(ROOT / "docs/results.md", results_table(chamfer))
