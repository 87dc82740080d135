"""Whatever runs is in what the rule depends on: each function of ours that the micro pipeline called is looked up."""

import ast
import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline import REPOSITORY, copied, snakemake
from template3d.data.demo import annotations
from template3d.data.demo import parameters as demo_shapes
from template3d.runtime import provenance

PACKAGE = REPOSITORY / "workflow/template3d"
SCRIPTS = sorted(
    file.stem for file in (REPOSITORY / "scripts").glob("*.py") if file.stem not in ("accept", "seeds", "why")
)
OTHERS = ("contact_sheets", "correspondence", "errors", "export", "export_experiments", "interpolations", "transfer")
"""Targets that a plain run does not make."""
IMPORTING = """
import importlib, inspect, pkgutil, sys
import template3d
called = set()
def call(frame, event, argument):
    code = frame.f_code
    if "/workflow/template3d/" in code.co_filename and code.co_flags & inspect.CO_OPTIMIZED:
        called.add(code.co_qualname)
sys.settrace(call)
for module in pkgutil.walk_packages(template3d.__path__, "template3d."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
sys.settrace(None)
print(*called)
"""


@functools.cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def definitions_at(file: Path, line: int) -> Iterator[str]:
    """The module-level definitions that a line of a file belongs to."""
    for statement in tree(file).body:
        first = min(node.lineno for node in ast.walk(statement) if hasattr(node, "lineno"))
        if first <= line <= (statement.end_lineno or 0):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield statement.name
            else:
                yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))


def annotate(folder: Path, category: str) -> None:
    """Write labels and keypoints of two shapes of the micro pipeline, which are demo shapes."""
    shapes, tables = demo_shapes.parameters(category, 2, seed=0), []
    (folder / "resources/labels" / category).mkdir(parents=True)
    for shape in shapes:
        name, points = demo_shapes.shape_id(shape), annotations.keypoints(shape)
        file = folder / f"resources/labels/{category}/{name}.csv"
        file.write_text("x,y,z,label\n0.1,0,0,1\n-0.1,0,0,2\n")
        tables += [f"{name},{point},{','.join(map(str, position))}" for point, position in points.items()]
    keypoints = folder / f"resources/keypoints/{category}/known.csv"
    keypoints.parent.mkdir(parents=True)
    keypoints.write_text("\n".join(["shape,name,x,y,z", *tables]))


@pytest.fixture(scope="module")
def records(pristine, tmp_path_factory) -> list[Path]:
    """The records of the micro pipeline, of its other targets, and of the demo's shapes."""
    micro = copied(pristine, tmp_path_factory.mktemp("others") / "micro")
    for folder in ("site", "calls"):
        shutil.rmtree(micro / folder)
    annotate(micro, "planes")
    demo = tmp_path_factory.mktemp("demo")
    made = (
        snakemake(micro, "--", *OTHERS, traced=True),
        snakemake(demo, "--", "demo_shapes", over={"shapenet": "demo"}, traced=True),
    )
    for run in made:
        assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-5000:]
    return [file for folder in (pristine, micro, demo) for file in sorted((folder / "calls").iterdir())]


@pytest.fixture(scope="module")
def program() -> provenance.Program:
    """The library, which all scripts share."""
    return provenance.Program()


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_a_script_calls_is_among_what_it_depends_on(records, program, script, monkeypatch):
    monkeypatch.setattr(provenance, "WATCHERS", set())  # what only they use runs, too
    known = program.code_of(REPOSITORY / "scripts" / f"{script}.py").definitions.keys()
    those = [file for file in records if file.name.startswith(f"{script}.")]
    calls = {tuple(line.split("\t")) for file in those for line in file.read_text().splitlines()}
    ours = [(Path(file), int(line), name) for file, line, name in calls if file.startswith(str(PACKAGE))]
    assert ours, "the script did not run"
    outside = set()
    for file, line, name in ours:
        module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        if not any(f"{module}.{definition}" in known for definition in definitions_at(file, line)):
            outside.add(f"{module}.{name}, line {line}")
    assert not outside


def test_importing_the_library_calls_nothing_of_it():
    """So what a script calls is all that runs; comprehensions in constants belong to these."""
    run = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, text=True, check=True)
    assert {name for name in run.stdout.split() if not name.startswith("<")} == set()
