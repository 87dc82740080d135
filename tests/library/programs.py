"""A small program, to edit: what changes then in the code that its script depends on?"""

import pytest
from template3d.runtime.provenance import Program

MODULES = {
    "__init__": "",
    "rooms/__init__": '"""A room."""\n',
    "rooms/losses": '''"""Losses."""

import logging
from dataclasses import dataclass

import numpy as np

from toy.rooms import tools

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
SCRIPT = """from toy.rooms import losses
from toy.rooms.losses import Loss, Settings

if __name__ == "__main__":
    print(losses.pointwise(Settings().scaled()), Loss().run())
"""


@pytest.fixture
def program(tmp_path):
    """A package ``toy`` and a script; a function that edits a module and returns what the edit changes."""
    for name, text in MODULES.items():
        file = tmp_path / "toy" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    script = tmp_path / "scripts/main.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)

    def code():
        return Program(tmp_path / "toy", tmp_path / "code.json").code_of(script)

    def edited(old: str, new: str, module: str = "rooms/losses") -> set[str]:
        file = script if module == "script" else tmp_path / "toy" / f"{module}.py"
        before, text = code().definitions, file.read_text()
        assert not old or old in text
        file.write_text(text.replace(old, new, 1) if old else text + new)
        after = code().definitions
        return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    edited.code, edited.script = code, script
    return edited
