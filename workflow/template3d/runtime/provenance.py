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
from pathlib import Path
from typing import Any, NamedTuple

from template3d.runtime import caches, definitions, normal_forms, references
from template3d.runtime.definitions import EFFECTS
from template3d.runtime.references import EVERYTHING

PACKAGE = Path(__file__).parents[1]
DISTRIBUTIONS = {
    "PIL": "pillow",
    "skimage": "scikit-image",
    "igl": "libigl",
    "mathutils": "bpy",
    "sklearn": "scikit-learn",
}
"""Packages whose import name differs from the name of their distribution."""
WATCHERS = {"data.memory", "jobs.sealing", "runtime.logs", "runtime.seals"}
WATCHERS |= {"training.footprint", "training.pictures", "training.progress"}
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
        self.files: dict[str, Path] = {}
        for file in sorted(package.rglob("*.py"), key=lambda file: file.name == "__init__.py"):  # a package wins
            parts = file.relative_to(package.parent).with_suffix("").parts
            self.files[".".join(parts[: -1 if parts[-1] == "__init__" else None])] = file
        self._known: dict[str, dict] = caches.read(cache) if cache else {}
        self._used: dict[str, dict] = {}
        self._analysed: dict[str, dict] = {}

    def code_of(self, script: Path) -> Code:
        """The code that ``script`` depends on, its siblings included; raises SyntaxError for a file of it."""
        script = Path(script)
        root = f"{script.parent.name}/{script.stem.replace('.', '_')}"
        self.files[root] = script
        if not script.is_relative_to(self.package):  # Snakemake lets a script import those beside it
            for sibling in script.parent.glob("*.py"):
                self.files.setdefault(sibling.stem, sibling)
        search = _Search(self)
        search.import_module(root)
        search.run()
        reached = [(module, name, self.analysis(module)["definitions"][name]) for module, name in search.reached]
        kind = "text_digest" if any(entry["reads_text"] for _, _, entry in reached) else "digest"
        digests = {_shown(module, name): entry[kind] for module, name, entry in reached}
        for module, name in search.aliases:
            digests.setdefault(_shown(module, name), self.analysis(module)["alias_digests"][name])
        return Code(
            dict(sorted(digests.items())), search.packages, search.packages | search.imported, sorted(search.notes)
        )

    def save(self) -> None:
        """Write the cache, if anything in it is new."""
        if self.cache and self._used.keys() - self._known.keys():
            caches.write(self.cache, self._used)
            self._known = dict(self._used)

    def analysis(self, module: str) -> dict[str, Any]:
        """The analysis of a module (``definitions.analysed``)."""
        if module not in self._analysed:
            file = self.files[module]
            text = file.read_bytes()
            key = hashlib.sha256(b"\0".join([_version(), module.encode(), text])).hexdigest()
            if key in self._known:
                self._used[key] = self._known[key]
            else:
                is_root = "/" in module
                package = module if file.name == "__init__.py" else module.rpartition(".")[0]
                inside = f"{self.package.name}.scripts" if is_root else package
                self._used[key] = definitions.analysed(text, module, inside, is_root, str(file))
            self._analysed[module] = self._used[key]
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
        self.aliases: set[tuple[str, str]] = set()
        """Imported names that another module uses, with the module that imports them."""
        self.modules: set[str] = set()
        self.packages: set[str] = set()
        self.imported: set[str] = set()
        self.notes: set[str] = set()
        self._waiting: list[tuple[str, str]] = []
        self._resolved: set[str] = set()

    def run(self) -> None:
        """Follow all uses, and the classes that a base class of ours acts on."""
        while self._waiting:
            while self._waiting:
                self._follow(*self._waiting.pop())
            for module in sorted(self.modules):
                if not _is_watcher(self.program, module):
                    for name, entry in self.program.analysis(module)["definitions"].items():
                        if any(self._is_hook(base, set()) for base in entry["bases"]):
                            self._reach(module, name)

    def import_module(self, module: str) -> None:
        """Count the effects of importing a module of ours, of the packages that it is in, and of what it imports."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            if name in self.program.files and name not in self.modules:
                self.modules.add(name)
                analysis = self.program.analysis(name)
                if not _is_watcher(self.program, name):
                    self._reach(name, EFFECTS)
                    self.notes.update(analysis["notes"])
                for imported in analysis["imports"]:
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
        """Reach what a dotted name may be: a definition, a whole module, or another package."""
        if target in self._resolved:
            return
        self._resolved.add(target)
        if target == EVERYTHING:
            for module in self.program.files:
                if "/" not in module:
                    self._reach_everything(module, user)
            return
        holder, names = self.program.module_in(target)
        if holder is None:
            self.packages.add(names[0])
        elif not _is_watcher(self.program, holder):
            self.import_module(holder)
            self._use_name(holder, names, user)

    def _use_name(self, module: str, names: list[str], user: str) -> None:
        analysis = self.program.analysis(module)
        name = names[0] if names else ""
        if name in analysis["aliases"]:
            self.aliases.add((module, name))
            for other in analysis["aliases"][name]:
                self._use(".".join([other, *names[1:]]), user)
        if name and name in analysis["definitions"]:
            self._reach(module, name)
        elif name not in analysis["aliases"] and not re.fullmatch("__.*__", name):
            if not names:
                self.notes.add(f"{user} uses the module {module} as a value: all its definitions count")
            self._reach_everything(module, user)

    def _reach_everything(self, module: str, user: str) -> None:
        """Reach all definitions of a module, what it imports by name, and, for a package, the modules in it."""
        if _is_watcher(self.program, module):
            return
        self.import_module(module)
        analysis = self.program.analysis(module)
        for name in analysis["definitions"]:
            self._reach(module, name)
        for name, targets in analysis["aliases"].items():
            self.aliases.add((module, name))
            for target in targets:
                self._use(target, user)
        for target in analysis["star"]:
            self._use(f"{target}.{EVERYTHING}", user)
        for inner in [name for name in self.program.files if name.startswith(f"{module}.")]:
            if f"{inner}.{EVERYTHING}" not in self._resolved:
                self._resolved.add(f"{inner}.{EVERYTHING}")
                self._reach_everything(inner, user)

    def _is_hook(self, base: str, seen: set[str]) -> bool:
        """Whether a class of ours acts on its subclasses, or has a base that does."""
        module, names = self.program.module_in(base)
        if base in seen or module is None or not names or _is_watcher(self.program, module):
            return False
        seen.add(base)
        analysis = self.program.analysis(module)
        others = [".".join([other, *names[1:]]) for other in analysis["aliases"].get(names[0], [])]
        entry = analysis["definitions"].get(names[0], {"hook": False, "bases": []})
        return entry["hook"] or any(self._is_hook(other, seen) for other in [*others, *entry["bases"]])


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


if __name__ == "__main__":
    program = Program()
    for note in sorted({note for script in sys.argv[1:] for note in program.code_of(Path(script)).notes}):
        print(note)
