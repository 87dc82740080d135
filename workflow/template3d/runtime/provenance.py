"""The code that a script depends on: the definitions that it can reach, each with a digest of its meaning.

A comment, a docstring, an annotation, a new or unused function changes no digest. Where the analysis cannot know what
is used, it counts a whole module, and `notes` says so. `python -m template3d.runtime.provenance scripts/*.py` prints
these notes.
"""

import functools
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from template3d.runtime import definitions, files, normal_forms, references
from template3d.runtime.definitions import EFFECTS
from template3d.runtime.references import EVERYTHING

PACKAGE = Path(__file__).parents[1]
DISTRIBUTIONS = {"PIL": "pillow", "skimage": "scikit-image", "igl": "libigl", "mathutils": "bpy"}
"""Packages whose import name differs from the name of their distribution."""
WATCHERS = {"data.memory", "runtime.logs", "training.footprint", "training.pictures", "training.progress"}
"""Modules that only observe, or decide where data are kept. No result depends on them, or on what only they use."""
HARMLESS_PATCHES = {
    "filelock": "locks files",
    "pebble": "starts worker processes",
    "psutil": "reads the states of processes",
    "tensorboard": "writes curves for TensorBoard",
    "tqdm": "draws progress bars",
}
"""Packages of which a patch release (the third number of the version) cannot change a result, with the reason."""


class Code(NamedTuple):
    """The code that a script depends on."""

    definitions: dict[str, str]
    """Digests, by name, as in ``networks.losses.pointwise``; a module's name alone is its other statements."""
    packages: set[str]
    """Names of other packages, and of the standard library, that these definitions use."""
    imported: set[str]
    """These, and the other packages that the modules of these definitions import."""
    notes: list[str]
    """Where the analysis cannot know what is used, in sentences."""

    @property
    def digest(self) -> str:
        """The digest, 12 hexadecimal digits, of all of it."""
        return hashlib.sha256(json.dumps(self.definitions, sort_keys=True).encode()).hexdigest()[:12]


class Program:
    """The modules of a package, by their dotted names, analysed when they are needed."""

    def __init__(self, package: Path = PACKAGE, cache: Path | None = None) -> None:
        """Find the modules of ``package``; ``cache`` is a JSON file with the analysis of earlier calls."""
        self.package, self.cache = package, cache
        found = {file.relative_to(package.parent).with_suffix("").parts: file for file in sorted(package.rglob("*.py"))}
        self.files = {".".join(parts[: -1 if parts[-1] == "__init__" else None]): file for parts, file in found.items()}
        self._known: dict[str, dict] = _read(cache)
        self._used: dict[str, dict] = {}
        self._analysed: dict[str, dict] = {}

    def code_of(self, script: Path) -> Code:
        """The code that ``script`` depends on; raises SyntaxError if Python cannot parse a file of it."""
        script = Path(script)
        root = f"{script.parent.name}/{script.stem}"
        self.files[root] = script
        search = _Search(self)
        search.import_module(root)
        search.run()
        return Code(
            {
                _shown(module, name): self.analysis(module)["definitions"][name]["digest"]
                for module, name in sorted(search.reached)
            },
            search.packages,
            search.packages | search.imported,
            sorted(search.notes),
        )

    def save(self) -> None:
        """Write the cache, if anything in it is new."""
        if self.cache and self._used.keys() - self._known.keys():
            files.write_text(self.cache, json.dumps(self._used))
            self._known = dict(self._used)

    def analysis(self, module: str) -> dict[str, Any]:
        """The analysis of a module (``definitions.analysed``)."""
        if module not in self._analysed:
            file = self.files[module]
            text = file.read_bytes()
            key = hashlib.sha256(b"\0".join([_version(), module.encode(), text])).hexdigest()
            if key not in self._known:
                is_root = "/" in module
                package = module if file.name == "__init__.py" else module.rpartition(".")[0]
                inside = f"{self.package.name}.scripts" if is_root else package
                self._known[key] = definitions.analysed(text.decode(), module, inside, is_root)
                self._used[key] = self._known.pop(key)
            self._analysed[module] = self._used.setdefault(key, self._known.get(key, {}))
        return self._analysed[module]

    @functools.cache  # noqa: B019 - a program lives as long as the process
    def module_in(self, target: str) -> tuple[str | None, list[str]]:
        """The longest beginning of a dotted name that is a module, or None, and the names after it."""
        parts = target.split(".")
        for length in range(len(parts), 0, -1):
            if (module := ".".join(parts[:length])) in self.files:
                return module, parts[length:]
        return None, parts


class _Search:
    """The search for all definitions that a program can reach."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.reached: set[tuple[str, str]] = set()
        self.modules: set[str] = set()
        self.packages: set[str] = set()
        self.imported: set[str] = set()
        self.notes: set[str] = set()
        self._waiting: list[tuple[str, str]] = []

    def run(self) -> None:
        """Follow all uses, and the classes that a base class of ours acts on."""
        while self._waiting:
            while self._waiting:
                self._follow(*self._waiting.pop())
            for module in sorted(self.modules):
                for name, entry in self.program.analysis(module)["definitions"].items():
                    if any(self._is_hook(base) for base in entry["bases"]):
                        self._reach(module, name)

    def import_module(self, module: str) -> None:
        """Count the effects of importing a module of ours, of the packages that it is in, and of what it imports."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            if name in self.program.files and name not in self.modules and not _is_watcher(self.program, name):
                self.modules.add(name)
                self._reach(name, EFFECTS)
                self.notes.update(self.program.analysis(name)["notes"])
                for imported in self.program.analysis(name)["imports"]:
                    self.import_module(imported)
            elif not self.program.module_in(name)[0]:
                self.imported.add(name)
                return

    def _reach(self, module: str, name: str) -> None:
        if (module, name) not in self.reached and name in self.program.analysis(module)["definitions"]:
            self.reached.add((module, name))
            self._waiting.append((module, name))

    def _follow(self, module: str, name: str) -> None:
        self.import_module(module)
        entry = self.program.analysis(module)["definitions"][name]
        self.notes.update(entry["notes"])
        for imported in entry["imports"]:
            self.import_module(imported)
        for target in entry["uses"]:
            self._use(target, _shown(module, name))

    def _use(self, target: str, user: str) -> None:
        for module, name in self._resolved(target):
            if module is None:
                self.packages.add(name)
            elif name == EVERYTHING:
                if target == module:
                    self.notes.add(f"{user} uses the module {module} as a value: all its definitions count")
                self.import_module(module)
                for every in self.program.analysis(module)["definitions"]:
                    self._reach(module, every)
            else:
                self.import_module(module)
                self._reach(module, name)

    def _resolved(self, target: str) -> Iterator[tuple[str | None, str]]:
        """The modules and definitions that a dotted name may be; of another package, None and its name."""
        if target == EVERYTHING:
            yield from ((module, EVERYTHING) for module in self.program.files if not _is_watcher(self.program, module))
            return
        module, names = self.program.module_in(target)
        if module is None:
            yield None, names[0]
            return
        if _is_watcher(self.program, module):
            return
        analysis = self.program.analysis(module)
        if names and names[0] in analysis["aliases"]:
            for other in analysis["aliases"][names[0]]:
                yield from self._resolved(".".join([other, *names[1:]]))
        if names and names[0] in analysis["definitions"]:
            yield module, names[0]
        elif not names or not (names[0] in analysis["aliases"] or re.fullmatch("__.*__", names[0])):
            yield module, EVERYTHING

    def _is_hook(self, base: str) -> bool:
        """Whether a class of ours acts on its subclasses, or has a base that does."""
        for module, name in self._resolved(base):
            entry = self.program.analysis(module)["definitions"].get(name) if module else None
            if entry and (entry["hook"] or any(map(self._is_hook, entry["bases"]))):
                return True
        return False


def package_versions(packages: set[str], pins: Path) -> dict[str, str]:
    """The versions, pinned in a requirements file, of the packages with these import names.

    Of a package in HARMLESS_PATCHES, only the first two numbers.
    """
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", pins.read_text(encoding="utf-8"), re.MULTILINE))
    pinned = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    names = {DISTRIBUTIONS.get(name, name.lower().replace("_", "-")) for name in packages}
    return {
        name: ".".join(pinned[name].split(".")[:2]) if name in HARMLESS_PATCHES else pinned[name]
        for name in sorted(names & pinned.keys())
    }


def _is_watcher(program: Program, module: str) -> bool:
    return module.removeprefix(f"{program.package.name}.") in WATCHERS


def _shown(module: str, name: str) -> str:
    return f"{module.partition('.')[2] or module}{'.' * bool(name)}{name}"


@functools.cache
def _version() -> bytes:
    """The version of the analysis, which is part of every key of the cache."""
    texts = [Path(module.__file__ or "").read_bytes() for module in (definitions, normal_forms, references)]
    return b"".join([*texts, sys.version.encode()])


def _read(cache: Path | None) -> dict[str, dict]:
    try:
        return json.loads(cache.read_bytes()) if cache else {}
    except (FileNotFoundError, ValueError):  # none yet, or damaged: it only saves time
        return {}


if __name__ == "__main__":
    program = Program()
    for note in sorted({note for script in sys.argv[1:] for note in program.code_of(Path(script)).notes}):
        print(note)
