"""What a script can reach counts, however it is reached; any valid text is analysed."""

import pytest

CALL_G = "from toy.rooms.extra import g\ng()\n"

REACHES = {
    "import in a function": "def f():\n    from toy.rooms import tools\n    return tools.other()\nf()\n",
    "import in a try": "try:\n    from toy.rooms.tools import other\nexcept ImportError:\n    other = None\nother()\n",
    "dotted import": "import toy.rooms.tools\ntoy.rooms.tools.other()\n",
    "name for a module": "import toy.rooms.tools as t\nt.other()\n",
    "module as a value": "from toy.rooms import tools\ngetattr(tools, 'oth' + 'er')()\n",
    "star": "from toy.rooms.tools import *\nother()\n",
    "imported name": "from importlib import import_module\nimport_module('toy.rooms.tools').other()\n",
    "computed name": "import importlib\nimportlib.import_module('toy.rooms.' + 'tools').other()\n",
    "in a table": "from toy.rooms import tools\nTABLE = {'o': tools.other}\nTABLE['o']()\n",
    "in a lambda": "from toy.rooms import tools\nf = lambda x=tools.other: x\nf()\n",
    "in a comprehension": "from toy.rooms import tools\n[g for g in [tools.other]]\n",
    "shadowed elsewhere": "from toy.rooms.tools import other\ndef f():\n    other = 1\nf()\nother()\n",
    "iterable with the target's name": "from toy.rooms.tools import other as x\n[x for x in x()]\n",
    "decorator": "from toy.rooms import tools\n@tools.other\ndef f(): ...\n",
    "default": "from toy.rooms import tools\ndef f(x=tools.other()): ...\nf()\n",
    "walrus": "from toy.rooms.tools import other\nif (y := other)(): ...\n",
    "match": "from toy.rooms import tools\nmatch 1:\n    case 1:\n        tools.other()\n",
}


@pytest.mark.parametrize("text", REACHES.values(), ids=REACHES)
def test_what_a_script_can_reach_counts(program, text):
    program.script.write_text(text)
    assert "rooms.tools.other" in program.code().definitions


@pytest.mark.parametrize("line", ["from . import tools", "from ..rooms import tools", "from .. import rooms"])
def test_relative_imports_count(program, line):
    by = "rooms.tools.mean" if line.endswith("rooms") else "tools.mean"
    program("from toy.rooms import tools\n", f"{line}\n")
    program("tools.mean", by)
    assert program("x / 2", "x / 3", "rooms/tools") == {"rooms.tools.helper"}


def test_a_local_name_is_no_use_of_a_definition(program):
    assert "rooms.losses.MEASURES" not in program.code().definitions  # pointwise has a loop variable of that name


def module(program, tmp_path, text, name="extra"):
    """Write another module of the package."""
    file = tmp_path / f"toy/rooms/{name}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


SEEN = {
    "hub": ("from math import sin as act\n", "sin", "cos", "from toy.rooms.extra import act\nact(1)\n"),
    "hub of our own": (
        "from toy.rooms.tools import mean as act\n",
        "mean as",
        "helper as",
        "from toy.rooms.extra import act\nfrom toy.rooms.tools import helper\nact(helper(1))\n",
    ),
    "branches": (
        "import sys\nif sys.argv:\n    from math import sin as f\nelse:\n    from math import cos as f\n",
        "if sys.argv",
        "if not sys.argv",
        "from toy.rooms.extra import f\nf(1)\n",
    ),
    "branches in the same module": (
        "import sys\nif sys.argv:\n    from math import sin as f\nelse:\n    from math import cos as f\n"
        "def g(): return f(1)\n",
        "if sys.argv",
        "if not sys.argv",
        CALL_G,
    ),
    "order of imports of one name": (
        "from math import sin as f\nfrom math import cos as f\ndef g(): return f(1)\n",
        "sin as f\nfrom math import cos as f",
        "cos as f\nfrom math import sin as f",
        CALL_G,
    ),
    "import before a definition": (
        "from math import sin as f\ndef f(x): return x\ndef g(): return f(1)\n",
        "from math import sin as f\ndef f(x): return x\n",
        "def f(x): return x\nfrom math import sin as f\n",
        CALL_G,
    ),
    "re-exported by a star": ("from .tools import *\n", None, None, "from toy.rooms.extra import helper\nhelper(1)\n"),
    "re-exported, by a computed name": (
        "from toy.rooms.tools import helper\n",
        None,
        None,
        "from toy.rooms import extra\ngetattr(extra, 'hel' + 'per')(1)\n",
    ),
    "eval": ("from toy.rooms.tools import helper\ndef g(): return eval('helper(1)')\n", None, None, CALL_G),
    "module of a package as a value": ("", None, None, "from toy import rooms\ngetattr(rooms, 'tools').helper(1)\n"),
    "sys.modules": ("import sys\ndef g(): return sys.modules['toy.rooms.tools'].helper(1)\n", None, None, CALL_G),
    "import_module by another name": (
        "from importlib import import_module as load\ndef g(): return load('toy.rooms.' + 'tools').helper(1)\n",
        None,
        None,
        CALL_G,
    ),
    "import_module as a value": (
        "from importlib import import_module\ndef g(): return [*map(import_module, ['toy.rooms.tools'])]\n",
        None,
        None,
        "from toy.rooms.extra import g\ng()[0].helper(1)\n",
    ),
    "dictionary of a module": ("", None, None, "from toy.rooms import tools\ntools.__dict__['helper'](1)\n"),
    "global of the same name in a class": (
        "tol = 1\nclass Loss:\n    tol = tol\n",
        "tol = 1",
        "tol = 2",
        "from toy.rooms.extra import Loss\nLoss.tol\n",
    ),
    "import in a class": (
        "class Loss:\n    from toy.rooms.tools import helper\n",
        None,
        None,
        "from toy.rooms.extra import Loss\nLoss.helper(1)\n",
    ),
    "walrus": ("Y = (X := 1) + 1\ndef g(): return X\n", "X := 1", "X := 2", CALL_G),
    "effect of an assignment": (
        "REG = {}\n_ = REG.setdefault('a', 1)\n",
        "'a', 1",
        "'a', 2",
        "from toy.rooms.extra import REG\nREG['a']\n",
    ),
    "decorator of another package with a function of ours": (
        "import functools\nREG = {}\ndef register(f): REG[f.__name__] = f\n"
        "@functools.partial(register)\ndef a(): return 1\n",
        "return 1",
        "return 2",
        "from toy.rooms.extra import REG\nREG['a']()\n",
    ),
    "singledispatch": (
        "import functools\n@functools.singledispatch\ndef f(x): ...\n@f.register\ndef _(x: int): return 1\n",
        "x: int",
        "x: str",
        "from toy.rooms.extra import f\nf(1)\n",
    ),
    "effect of a class body": (
        "REG = {}\nclass V:\n    REG['a'] = 1\n",
        "= 1",
        "= 2",
        "from toy.rooms.extra import REG\nREG['a']\n",
    ),
    "all subclasses": (
        "class L: ...\nclass A(L):\n    x = 1\n",
        "x = 1",
        "x = 2",
        "from toy.rooms.extra import L\nL.__subclasses__()[0].x\n",
    ),
    "order of assignments": (
        "A = 1\nB = A\nA = 2\n",
        "A = 1\nB = A\nA = 2\n",
        "A = 1\nA = 2\nB = A\n",
        "from toy.rooms.extra import A, B\nprint(A, B)\n",
    ),
    "random numbers": (
        "import random\nRNG = random.Random(0)\nA = RNG.random()\nB = RNG.random()\n",
        "A = RNG.random()",
        "A = RNG.gauss()",
        "from toy.rooms.extra import B\nprint(B)\n",
    ),
    "annotations that another module reads": (
        "def f(x: int): ...\n",
        "int",
        "str",
        "import typing\nfrom toy.rooms.extra import f\ntyping.get_type_hints(f)\n",
    ),
    "fields of another package's class": (
        "import pydantic\nclass S(pydantic.BaseModel):\n    n: int\n",
        "int",
        "float",
        "from toy.rooms.extra import S\nS(n=1)\n",
    ),
}


@pytest.mark.parametrize("case", SEEN.values(), ids=SEEN)
def test_an_edit_in_another_module_counts_however_it_is_reached(program, tmp_path, case):
    text, old, new, script = case
    module(program, tmp_path, text)
    program.script.write_text(script)
    if old is None:
        assert program("x / 2", "x / 3", "rooms/tools")
    else:
        assert program(old, new, "rooms/extra")


def test_a_script_may_import_those_beside_it(program):
    program.script.with_name("sizes.py").write_text("SIZE = 1\n")
    program.script.write_text("from sizes import SIZE\nprint(SIZE)\n")
    assert "sizes.SIZE" in program.code().definitions


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffX = 1\n",
        f"X = {' + '.join(['1'] * 2000)}\n",
        f"X = 0x{'f' * 5000}\n",
        "if 0:\n    X = 0\n" + "".join(f"elif {n}:\n    X = {n}\n" for n in range(500)) + "else:\n    X = 1\n",
        "class X: ...\nclass X(X): ...\n",
        "from . import _C\nX = _C\n",
    ],
    ids=["byte order mark", "deep sum", "long number", "long if", "class of its own name", "compiled module"],
)
def test_any_valid_text_is_analysed(program, tmp_path, text):
    module(program, tmp_path, text)
    program.script.write_text("from toy.rooms.extra import X\nprint(X)\n")
    assert program.code().definitions


def test_a_text_that_python_cannot_parse_is_named(program, tmp_path):
    module(program, tmp_path, "def f(:\n")
    program.script.write_text("from toy.rooms import extra\nextra.f()\n")
    with pytest.raises(SyntaxError, match=r"extra\.py"):
        program.code()
