"""What a script depends on, and what does not change that: each case is an edit of a small program."""

from pathlib import Path

import pytest
from programs import MODULES
from template3d.runtime import provenance
from template3d.runtime.provenance import Program

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))


def test_a_script_depends_on_what_it_reaches(program):
    assert program.code().definitions.keys() == {
        "scripts/main",
        *("rooms.losses", "rooms.losses.CLAMP", "rooms.losses.TABLE", "rooms.losses.log"),
        *("rooms.losses.Settings", "rooms.losses.Base", "rooms.losses.Loss", "rooms.losses.pointwise"),
        *("rooms.tools.mean", "rooms.tools.helper"),
    }
    assert program.code().packages == {"dataclasses", "logging", "numpy"}
    assert program.code().notes == []


NO_MEANING = {
    "comment": ("# why", "# because"),
    "docstring": ('"""The loss."""', '"""Equation (7)."""'),
    "docstring gone": ('    """The loss."""\n', ""),
    "docstring of a class": ('    """Settings."""\n', ""),
    "docstring of a module": ('"""Losses."""\n', '"""All losses."""\n'),
    "docstring of a field": ('    """A weight."""\n', ""),
    "formatting": ("x: float, clamp: float = CLAMP", "x: float,\n    clamp: float = (CLAMP),\n"),
    "annotation": ("x: float, clamp: float", "x, clamp: 'int | None'"),
    "return type": (') -> float:\n    """The loss.', ') -> np.ndarray:\n    """The loss.'),
    "type of a field": ("weight: float", "weight: int"),
    "type of a constant": ("CLAMP = 0.1", "CLAMP: float = 0.1"),
    "type of an attribute": ('kind = "l1"', 'kind: str = "l1"'),
    "quotes": ('"l1"', "'l1'"),
    "number": ("0.1", "0.10"),
    "log message": ("loss of %s", "the loss is %s"),
    "unused function": ("x + len(MEASURES)", "x - len(MEASURES)"),
    "unused function renamed": ("def unused", "def idle"),
    "new function": ("", "\n\ndef new():\n    return pointwise(1)\n"),
    "unused constant": ('"iou"]', '"iou", "f_score"]'),
    "order of imports": (
        "import logging\nfrom dataclasses import dataclass\n",
        "from dataclasses import dataclass\nimport logging\n",
    ),
    "unused import": ("import logging\n", "import json\nimport logging\n"),
    "import for types": (
        "import logging\n",
        "import logging\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n",
    ),
    "order of functions": ("def unused", "def first():\n    pass\n\n\ndef unused"),
}


@pytest.mark.parametrize("edit", NO_MEANING.values(), ids=NO_MEANING)
def test_an_edit_without_meaning_changes_nothing(program, edit):
    assert program(*edit) == set()


MEANING = {
    "body": (("+ len(pairs)", "- len(pairs)"), {"rooms.losses.pointwise"}),
    "constant": (("CLAMP = 0.1", "CLAMP = 0.2"), {"rooms.losses.CLAMP"}),
    "constant as another type": (("CLAMP = 0.1", "CLAMP = 1"), {"rooms.losses.CLAMP"}),
    "default": (("clamp: float = CLAMP", "clamp: float = 0.1"), {"rooms.losses.pointwise", "rooms.losses.CLAMP"}),
    "default of a method": (("= 2.0", "= 3.0"), {"rooms.losses.Settings"}),
    "default of a field": (("= 1.0", "= 2.0"), {"rooms.losses.Settings"}),
    "method": (("self.weight * factor", "self.weight + factor"), {"rooms.losses.Settings"}),
    "inherited method": (("np.zeros(3)", "np.zeros(4)"), {"rooms.losses.Base"}),
    "new field": (("    weight: float = 1.0", "    bias: int = 0\n    weight: float = 1.0"), {"rooms.losses.Settings"}),
    "kind of field": (("weight: float", "weight: ClassVar[float]"), {"rooms.losses.Settings"}),
    "decorator": (("@dataclass\n", "@dataclass(frozen=True)\n"), {"rooms.losses.Settings"}),
    "base": (("class Loss(Base)", "class Loss(Base, dict)"), {"rooms.losses.Loss"}),
    "base gone": (("class Loss(Base)", "class Loss"), {"rooms.losses.Loss", "rooms.losses.Base"}),
    "statement": (('TABLE["a"] = 1', 'TABLE["a"] = 2'), {"rooms.losses"}),
    "module": (("import numpy as np", "import torch as np"), {"rooms.losses.Base"}),
    "argument of a log": (('of %s", x)', 'of %s", unused(x))'), {
        *("rooms.losses.pointwise", "rooms.losses.unused", "rooms.losses.MEASURES"),
    }),
    "inner function": (("x / 2", "x / 3", "rooms/tools"), {"rooms.tools.helper"}),
    "called in turn": (("return helper(x)", "return helper(x) + other()", "rooms/tools"), {
        *("rooms.tools.mean", "rooms.tools.other"),
    }),
    "script": (("Settings()", "Settings(2)", "script"), {"scripts/main"}),
}  # fmt: skip


@pytest.mark.parametrize("edit", MEANING.values(), ids=MEANING)
def test_an_edit_with_meaning_changes_its_definition(program, edit):
    arguments, changed = edit
    assert program(*arguments) == changed


def test_what_may_register_something_counts_when_it_is_imported(program, tmp_path):
    (tmp_path / "toy/rooms/tools.py").write_text(
        MODULES["rooms/tools"] + "REGISTRY = {}\ndef register(f):\n    REGISTRY[f.__name__] = f\n    return f\n"
        "@register\ndef used():\n    return 1\n"
        "class Plugin:\n    def __init_subclass__(cls):\n        REGISTRY[cls] = cls\nclass First(Plugin):\n    x = 1\n"
        "class Second(First):\n    x = 2\n"
    )
    program.script.write_text("from toy.rooms.tools import REGISTRY\nprint(REGISTRY)\n")
    reached = program.code().definitions.keys()
    assert {"rooms.tools.REGISTRY", "rooms.tools.register", "rooms.tools.Plugin"} <= reached
    assert program("x = 2", "x = 3", "rooms/tools") == {"rooms.tools.Second"}
    assert "rooms.tools" in program("return 1\nclass", "return 2\nclass", "rooms/tools")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("from toy.rooms import tools\nprint(tools)\n", "scripts/main uses the module toy.rooms.tools as a value"),
        ("import importlib\nimportlib.import_module(input())\n", "calls import_module with a computed name"),
        ("from toy.rooms.tools import *\n", "imports all names of toy.rooms.tools"),
        ("def f():\n    return globals()['f']\nf()\n", "scripts/main.f calls globals"),
        (
            "import inspect\ndef f(x: int): ...\nprint(inspect.signature(f))\n",
            "reads annotations, docstrings or sources",
        ),
    ],
)
def test_what_cannot_be_known_is_said(program, text, note):
    program.script.write_text(text)
    assert any(note in said for said in program.code().notes)


def test_annotations_count_where_something_reads_them(program):
    program.script.write_text("import inspect\ndef f(x: int): ...\nprint(inspect.signature(f))\n")
    assert program("x: int", "x: float", "script") == {"scripts/main.f"}


def test_the_cache_changes_nothing(program, tmp_path):
    first = Program(tmp_path / "toy", tmp_path / "code.json")
    code = first.code_of(program.script)
    first.save()
    assert Program(tmp_path / "toy", tmp_path / "code.json").code_of(program.script) == code
    (tmp_path / "code.json").write_text("{")
    assert Program(tmp_path / "toy", tmp_path / "code.json").code_of(program.script) == code


def test_the_pinned_versions_of_used_packages_count_and_no_others(tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text(
        "numpy==1.26.4\n    # via -r requirements.in\nbpy==5.0.1\nEmbreex==4.4.0\npsutil==7.1.3\ntorch==2.13.0\n"
    )
    packages = Program().code_of(REPOSITORY / "scripts/sdf.py").packages
    versions = {"embreex": "4.4.0", "numpy": "1.26.4", "psutil": "7.1"}  # patch releases of psutil are harmless
    assert provenance.package_versions(packages, pins) == versions


def test_no_script_that_renders_uses_networks_or_training():
    program = Program()
    codes = [program.code_of(script).definitions.keys() for script in SCRIPTS]
    with_blender = [names for names in codes if "rendering.blender.Studio" in names]
    assert with_blender
    assert not [name for names in with_blender for name in names if name.startswith(("networks", "training"))]


def test_what_only_observes_does_not_count():
    names = Program().code_of(REPOSITORY / "scripts/train_embeddings.py").definitions.keys()
    assert {"networks.losses.pointwise", "training.loop.fit", "data.archives.identity"} <= names
    observers = ("training.pictures", "training.progress", "runtime.logs", "geometry.isosurface", "rendering")
    assert not [name for name in names if name.startswith(observers)]
