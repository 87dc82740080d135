"""The page docs/reruns.md, from the tables that test_staleness.py checks.

.venv/bin/python tests/workflow/reruns_page.py > docs/reruns.md
"""

from collections.abc import Iterable

from code_edits import CODE_EDITS
from edits import BOTH, EDITS, RERUN_NOTHING, SETTINGS, VARIANTS

ORDER = ["prepare", "render", "sdf", "surface", "failures", "shapes_table"]
ORDER += [
    "train_embeddings",
    "synthetic_shapes",
    "synthetic_views",
    "train_encoder",
    "pretrain_contrastive",
    "train_end_to_end",
    "extract_template",
    "reconstruct",
    "fit_codes",
    "evaluate",
]
ORDER += ["evaluate_baselines", "table1", "table2"]
ORDER += ["picture", "loss_curves", "codes_figure", "errors_figure", "gallery", "photos"]


def page() -> str:
    """The text of docs/reruns.md."""
    lines = [
        "# What reruns after which edit",
        "",
        "Made by `tests/workflow/reruns_page.py` from the tables that `tests/workflow/test_staleness.py` checks; do",
        "not edit.",
        "`snakemake why` answers the same for your own edits, with the cause of each job. Without a category, a row",
        "holds for all of them. Of each rule, only the jobs that the edit concerns run (a mesh: its shard). Within a",
        "shard, only the shapes that changed are made again. `synthetic_shapes` and `synthetic_views` run only for a",
        "category with [few training shapes](training.md#synthetic-shapes), as here.",
        "",
        "| edit | runs again |",
        "| --- | --- |",
        *(f"| {edit.words} | {_said(edit.reruns, edit.of)} |" for edit in EDITS),
        "",
        "## Code",
        "",
        "A script depends on the functions, classes and constants that it can reach in the library, however many",
        "calls away. Each counts by what it means: its syntax tree without comments, docstrings, annotations,",
        "formatting and the texts of log messages. A class counts as a whole, with its methods and bases.",
        "Module-level statements that define nothing count for every script that imports the module. Modules that",
        "only observe a run (logs, TensorBoard), or decide where its data are kept, do not count.",
        "",
        "The version of a package counts for the scripts that use the package. Patch releases of packages that",
        "cannot change numbers do not count (`HARMLESS_PATCHES` in `runtime/provenance.py`, with the reasons).",
        "",
        "If a program can use names that its text does not show (`globals()`, `eval`, `import_module` with a",
        "computed name, a module as a value, `from x import *`), the whole module counts, or all modules.",
        "`make lint` prints each such statement; there are none.",
        "",
        "The analysis does not see files that a module reads, other programs that it starts, and what the import",
        "of a package does that nothing uses. `report/page/`, the only such files, are a param of their rule.",
        "",
        "`tests/workflow/test_calls.py` runs every rule and checks that each function that was called is among",
        "those that the rule depends on.",
        "",
        "| edit of code | runs again |",
        "| --- | --- |",
        *(f"| {edit.words}: `{edit.file}` | {_said(edit.reruns, BOTH)} |" for edit in CODE_EDITS),
        "",
        "## If a change does not matter",
        "",
        "After a refactoring or a new version of a package, `.venv/bin/snakemake accept` takes the results as",
        "current whose code changed, and lists them. It holds for jobs, for the members of their archives and for",
        "checkpoints. So if you edit one mesh later, one member is made, not the whole shard. The next change of",
        "the same code ends it. Name rules or categories to accept some results only:",
        '`.venv/bin/snakemake accept --config "accept=[sdf, chairs]"`.',
        "",
        "Changed settings are never accepted. `.venv/bin/snakemake --touch` takes everything as current that",
        "exists, but only for Snakemake: if you edit one mesh later, all members of its shard are made again.",
        "",
        "## Before hours are lost",
        "",
        "If a run would train again from scratch what took more than an hour, Snakemake says so first, with the",
        "causes, and asks you. Without a terminal, or on a cluster, it continues. So it does with",
        "`--config confirm=yes`. More epochs continue, and checkpoints are kept ([Training](training.md)).",
        "",
        "## Every key of the configuration",
        "",
        "| key | runs again |",
        "| --- | --- |",
        *(f"| `{setting.key}` | {_said(setting.reruns, BOTH)} |" for setting in SETTINGS + RERUN_NOTHING),
        "",
        "With the built-in shapes, `seed`, `demo.train` and `demo.test` make other shapes, and so everything. The",
        "other keys of `demo` replace keys of other sections, and rerun what these rerun.",
        "`categories`, `phase1.from`: see above. `photos`, `photo_models`: the reconstructions of photos. `shapenet`",
        "and `meshes.layout`: whatever has other meshes there. `labels`, `keypoints`: the results of `snakemake",
        "transfer` and `snakemake correspondence`; `correspondence.sources`: those of the latter.",
    ]
    return "\n".join(lines) + "\n"


def _said(reruns: Iterable[str], of: tuple[str, ...]) -> str:
    said = []
    for rule in ORDER:
        variants = VARIANTS.get(rule, ())
        those = [variant for variant in variants if f"{rule} {variant}" in reruns]
        if rule in reruns or (those and len(those) == len(variants)):
            said.append(f"`{rule}`")
        elif those:
            said.append(f"`{rule}` ({those[0].replace('_', '-')})")
    return (", ".join(said) or "nothing") + (f" of {of[0]}" if len(of) == 1 else "")


if __name__ == "__main__":
    print(page(), end="")
