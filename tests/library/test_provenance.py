"""What a script depends on, and what does not change that: each case is an edit of a small program."""

from pathlib import Path

import pytest
from template3d.runtime import provenance
from template3d.runtime.provenance import Program

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))

MODULES = {
    "__init__": "",
    "rooms/__init__": '"""A room."""\n',
    "rooms/losses": '''"""Losses."""

import logging
from dataclasses import dataclass

import numpy as np

from mine.rooms import tools

log = logging.getLogger(__name__)
CLAMP = 0.1
MEASURES = ["chamfer", "iou"]
TABLE = {}
TABLE["a"] = 1


@dataclass
class Settings:
    """Settings."""

    weight: float = 1.0
    """A weight."""

    def scaled(self, factor: float = 2.0) -> float:
        return self.weight * factor


class Base:
    def run(self):
        return np.zeros(3)


class Loss(Base):
    kind = "l1"


def pointwise(x: float, clamp: float = CLAMP) -> float:
    """The loss."""
    # why
    log.info("loss of %s", x)
    pairs = [MEASURES for MEASURES in range(3)]
    return tools.mean(min(x, clamp)) + len(pairs)


def unused(x):
    return x + len(MEASURES)
''',
    "rooms/tools": """def mean(x):
    return helper(x)


def helper(x):
    def inner():
        return x / 2

    return inner()


def other():
    return 1
""",
}
SCRIPT = """from mine.rooms import losses
from mine.rooms.losses import Loss, Settings

if __name__ == "__main__":
    print(losses.pointwise(Settings().scaled()), Loss().run())
"""


@pytest.fixture
def program(tmp_path):
    """A package ``mine`` and a script; a function that edits a module and returns what the edit changes."""
    for name, text in MODULES.items():
        file = tmp_path / "mine" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    script = tmp_path / "scripts/main.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)

    def code():
        return Program(tmp_path / "mine", tmp_path / "code.json").code_of(script)

    def edited(old: str, new: str, module: str = "rooms/losses") -> set[str]:
        file = script if module == "script" else tmp_path / "mine" / f"{module}.py"
        before, text = code().definitions, file.read_text()
        assert not old or old in text
        file.write_text(text.replace(old, new, 1) if old else text + new)
        after = code().definitions
        return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    edited.code, edited.script = code, script
    return edited


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


REACHES = {
    "import in a function": "def f():\n    from mine.rooms import tools\n    return tools.other()\nf()\n",
    "import in a try": "try:\n    from mine.rooms.tools import other\nexcept ImportError:\n    other = None\nother()\n",
    "dotted import": "import mine.rooms.tools\nmine.rooms.tools.other()\n",
    "name for a module": "import mine.rooms.tools as t\nt.other()\n",
    "module as a value": "from mine.rooms import tools\ngetattr(tools, 'oth' + 'er')()\n",
    "star": "from mine.rooms.tools import *\nother()\n",
    "imported name": "from importlib import import_module\nimport_module('mine.rooms.tools').other()\n",
    "computed name": "import importlib\nimportlib.import_module('mine.rooms.' + 'tools').other()\n",
    "in a table": "from mine.rooms import tools\nTABLE = {'o': tools.other}\nTABLE['o']()\n",
    "in a lambda": "from mine.rooms import tools\nf = lambda x=tools.other: x\nf()\n",
    "in a comprehension": "from mine.rooms import tools\n[g for g in [tools.other]]\n",
    "shadowed elsewhere": "from mine.rooms.tools import other\ndef f():\n    other = 1\nf()\nother()\n",
    "iterable with the target's name": "from mine.rooms.tools import other as x\n[x for x in x()]\n",
    "decorator": "from mine.rooms import tools\n@tools.other\ndef f(): ...\n",
    "default": "from mine.rooms import tools\ndef f(x=tools.other()): ...\nf()\n",
    "walrus": "from mine.rooms.tools import other\nif (y := other)(): ...\n",
    "match": "from mine.rooms import tools\nmatch 1:\n    case 1:\n        tools.other()\n",
}


@pytest.mark.parametrize("text", REACHES.values(), ids=REACHES)
def test_what_a_script_can_reach_counts(program, text):
    program.script.write_text(text)
    assert "rooms.tools.other" in program.code().definitions


@pytest.mark.parametrize("line", ["from . import tools", "from ..rooms import tools", "from .. import rooms"])
def test_relative_imports_count(program, line):
    by = "rooms.tools.mean" if line.endswith("rooms") else "tools.mean"
    program("from mine.rooms import tools\n", f"{line}\n")
    program("tools.mean", by)
    assert program("x / 2", "x / 3", "rooms/tools") == {"rooms.tools.helper"}


def test_a_local_name_is_no_use_of_a_definition(program):
    assert "rooms.losses.MEASURES" not in program.code().definitions  # pointwise has a loop variable of that name


def test_what_may_register_something_counts_when_it_is_imported(program, tmp_path):
    (tmp_path / "mine/rooms/tools.py").write_text(
        MODULES["rooms/tools"] + "REGISTRY = {}\ndef register(f):\n    REGISTRY[f.__name__] = f\n    return f\n"
        "@register\ndef used():\n    return 1\n"
        "class Plugin:\n    def __init_subclass__(cls):\n        REGISTRY[cls] = cls\nclass First(Plugin):\n    x = 1\n"
        "class Second(First):\n    x = 2\n"
    )
    program.script.write_text("from mine.rooms.tools import REGISTRY\nprint(REGISTRY)\n")
    reached = program.code().definitions.keys()
    assert {"rooms.tools.REGISTRY", "rooms.tools.register", "rooms.tools.Plugin"} <= reached
    assert program("x = 2", "x = 3", "rooms/tools") == {"rooms.tools.Second"}
    assert "rooms.tools" in program("return 1\nclass", "return 2\nclass", "rooms/tools")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("from mine.rooms import tools\nprint(tools)\n", "scripts/main uses the module mine.rooms.tools as a value"),
        ("import importlib\nimportlib.import_module(input())\n", "calls import_module with a computed name"),
        ("from mine.rooms.tools import *\n", "imports all names of mine.rooms.tools"),
        ("def f():\n    return globals()['f']\nf()\n", "scripts/main.f calls globals"),
        ("import inspect\ndef f(x: int): ...\nprint(inspect.signature(f))\n", "uses signature"),
    ],
)
def test_what_cannot_be_known_is_said(program, text, note):
    program.script.write_text(text)
    assert any(note in said for said in program.code().notes)


def test_annotations_count_where_something_reads_them(program):
    program.script.write_text("import inspect\ndef f(x: int): ...\nprint(inspect.signature(f))\n")
    assert program("x: int", "x: float", "script") == {"scripts/main.f"}


def test_the_cache_changes_nothing(program, tmp_path):
    first = Program(tmp_path / "mine", tmp_path / "code.json")
    code = first.code_of(program.script)
    first.save()
    assert Program(tmp_path / "mine", tmp_path / "code.json").code_of(program.script) == code
    (tmp_path / "code.json").write_text("{")
    assert Program(tmp_path / "mine", tmp_path / "code.json").code_of(program.script) == code


def test_the_pinned_versions_of_used_packages_count_and_no_others(tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text(
        "numpy==1.26.4\n    # via -r requirements.in\nbpy==5.0.1\nEmbreex==4.4.0\npsutil==7.1.3\ntorch==2.13.0\n"
    )
    packages = Program().code_of(REPOSITORY / "scripts/sdf.py").packages
    versions = {"embreex": "4.4.0", "numpy": "1.26.4", "psutil": "7.1"}  # patch releases of psutil are harmless
    assert provenance.package_versions(packages, pins) == versions


def test_no_script_that_renders_uses_networks_or_training():
    codes = [Program().code_of(script).definitions.keys() for script in SCRIPTS]
    with_blender = [names for names in codes if "rendering.blender.Studio" in names]
    assert with_blender
    assert not [name for names in with_blender for name in names if name.startswith(("networks", "training"))]


def test_what_only_observes_does_not_count():
    names = Program().code_of(REPOSITORY / "scripts/train_embeddings.py").definitions.keys()
    assert {"networks.losses.pointwise", "training.loop.fit", "data.archives.identity"} <= names
    observers = ("training.pictures", "training.progress", "runtime.logs", "geometry.isosurface", "rendering")
    assert not [name for name in names if name.startswith(observers)]
