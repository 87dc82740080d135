"""Random configurations: every key of the schema gets values that it may, must not and can hardly have."""

import math
from pathlib import Path
from typing import Any

from configurations import DEFAULT, ENTRY, KEYS, REPOSITORY, SCHEMA, Key, changed, numbers, resolved
from hypothesis import HealthCheck, given, settings, strategies
from snakemake.exceptions import MissingInputException, WorkflowError
from template3d.jobs import staleness
from template3d.runtime import configuration
from template3d.runtime.errors import InputError

LISTS = {split: {"url": "http://127.0.0.1:9/list.json", "sha256": "0" * 64} for split in ("train", "test")}
BASE = DEFAULT | {
    "demo": {"train": 2, "test": 1},
    "categories": {"chairs": {"shards": 1} | LISTS, "sofas": {"shards": 1} | LISTS, "planes": None},
}
"""Small enough to be planned in a second; the demo does not need the lists, and no server answers at this address."""
LONGEST_SENTENCE = 2500


class Tried:
    """How many configurations the check accepted and refused."""

    accepted = refused = 0

    def __str__(self) -> str:
        return f"{self.accepted + self.refused}, of which {self.accepted} were accepted"


def bounds(number: dict) -> tuple[list, list]:
    """The values at the bounds of a number, or next to them, that are allowed, and the nearest that are not."""
    inside, outside = [], []
    step = number.get("multipleOf", 1)
    for side, sign in (("inimum", -1), ("aximum", 1)):
        if (bound := number.get(f"m{side}")) is not None:
            inside.append(bound)
            outside.append(
                bound + sign * step if number["type"] == "integer" else math.nextafter(bound, sign * math.inf)
            )
        if (bound := number.get(f"exclusiveM{side}")) is not None:
            inside.append(math.nextafter(bound, -sign * math.inf))
            outside.append(bound)
    return inside, outside


NONSENSE = [
    *(math.nan, math.inf, -math.inf, 10**30, -(10**30), 10**400, -1, -0.5, 0, 1, 4.0, 1e-320, True, False, None),
    *("", " ", "x", "4", "1e-4", "{", "}", "{x}", "{category}", "{wildcards.category}", "a\nb", "a\n", "\0", "\x1b[2J"),
    *("\u2028", "\u202e", "\ud800", "..", "../..", "/", "~", "~no-such-user/x", "*", "$(true)", "'", '"', "-", "--"),
    *("a/b", "é" * 200, "x" * 300, "x" * 5000, "x/" * 400, "none", "contrastive", "imagenet", "demo", "results"),
    *("http://[", "https://x.org/{y}", "http://\n", "ftp://x/y"),
    *([], [[]], [None], ["easy"] * 2, list(range(5000)), {}, {"": 1}, {1: 2}, {None: None}, {"x": {}}, {"\n": 0}),
    *([math.nan], ["{"], b"bytes", (1, 2), {1, 2}, {"a" * 5000: 1}, [[[[[[[[[[[[]]]]]]]]]]]]),
]


def edges(key: Key) -> list:
    """The values that a key alone may have: at its bounds, of its enumerations, and, of a path, odd ones."""
    enumerated = [value for option in key.schema.get("anyOf", [key.schema]) for value in option.get("enum", [])]
    odd = [value for value in NONSENSE if isinstance(value, str)] if key.is_path else []
    switch = [True, False] if key.schema.get("type") == "boolean" else []
    return [*enumerated, *switch, *(value for number in numbers(key.schema) for value in bounds(number)[0]), *odd]


def values(key: Key) -> strategies.SearchStrategy:
    """Values for a key: around its bounds, from its enumerations, and of every wrong kind."""
    beyond = [value for number in numbers(key.schema) for value in bounds(number)[1]]
    near = [*edges(key), *beyond, *map(str, beyond)]
    drawn = [strategies.sampled_from(NONSENSE + near), strategies.text(max_size=20)]
    drawn += [strategies.integers(), strategies.floats()] + [strategies.sampled_from(near)] * bool(near)
    for number in numbers(key.schema):
        inside = bounds(number)[0]
        kind = strategies.integers if number["type"] == "integer" else strategies.floats
        drawn.append(kind(min(inside), max(inside)))
    if "items" in key.schema:
        drawn.append(strategies.lists(values(Key(key.path, resolved(key.schema["items"]))), max_size=4))
    return strategies.one_of(drawn)


def legal_values(key: Key) -> strategies.SearchStrategy:
    """Values that a key alone may have."""
    drawn = [strategies.sampled_from(edges(key))] if edges(key) else []
    if "items" in key.schema:
        entries = legal_values(Key(key.path, resolved(key.schema["items"])))
        drawn.append(strategies.lists(entries, max_size=4, unique=key.schema.get("uniqueItems", False)))
    if "pattern" in key.schema:
        drawn.append(strategies.from_regex(key.schema["pattern"], fullmatch=True))
    if key.is_path:
        drawn.append(strategies.text(max_size=10))
    return strategies.one_of(drawn)


ALL_KEYS = [key for key in KEYS if ENTRY not in key.path]
LEAVES = [key for key in ALL_KEYS if "properties" not in key.schema and key.path != ("categories",)]
changes = strategies.sampled_from(ALL_KEYS).flatmap(lambda key: strategies.tuples(strategies.just(key), values(key)))
"""A key and a value for it."""
legal_changes = strategies.lists(
    strategies.sampled_from([key for key in LEAVES if not legal_values(key).is_empty]).flatmap(
        lambda key: strategies.tuples(strategies.just(key), legal_values(key))
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda change: change[0].path,
)
"""Some keys, each with a value that it alone may have."""


def edited(*edits: tuple[Key, Any]) -> dict:
    """A configuration with other values for some keys."""
    config = BASE
    for key, value in edits:
        config = changed(key.name, value, config)
    return config


def sentence(config: dict) -> str | None:
    """What the check says to a configuration, on one line; None if it accepts it. Other exceptions pass."""
    try:
        configuration.check(config, SCHEMA)
    except InputError as error:
        said = str(error)
        assert said.isprintable(), said
        assert said.startswith("config: ")
        assert len(said) < LONGEST_SENTENCE, said
        return said
    return None


def plan(folder: Path, config: dict, may_lack_files: bool) -> int:
    """The number of jobs that Snakemake would run for a configuration which the check accepted.

    Only a file that is not there may stop it, and only in a sentence.
    """
    try:
        return len(staleness.stale_jobs(REPOSITORY / "Snakefile", folder, config))
    except (WorkflowError, MissingInputException) as error:  # not their subclasses: wildcards, cycles, ambiguous rules
        if not may_lack_files or type(error) not in (WorkflowError, MissingInputException):
            raise
        return 0


def reproducible(examples: int) -> settings:
    """The same examples in every run, without a folder of earlier ones."""
    quiet = list(HealthCheck)
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=quiet)


def try_values(examples: int) -> Tried:
    """Give keys random values, one at a time: the check must accept them or name the key in its sentence."""
    tried = Tried()

    @reproducible(examples)
    @given(changes)
    def attempt(change: tuple[Key, Any]) -> None:
        said = sentence(edited(change))
        tried.accepted, tried.refused = tried.accepted + (said is None), tried.refused + (said is not None)
        assert said is None or change[0].name in said, said

    attempt()
    return tried


def try_plan(folder: Path, *edits: tuple[Key, Any]) -> bool:
    """Whether the check accepts edits of the configuration; then Snakemake must be able to plan its jobs."""
    if sentence(edited(*edits)) is not None:
        return False
    may_lack_files = any(key.is_path for key, _ in edits)
    assert plan(folder, edited(*edits), may_lack_files) or may_lack_files
    return True


def try_plans(examples: int, folder: Path) -> Tried:
    """Give some keys legal values together, and plan what the check accepts."""
    tried = Tried()

    @reproducible(examples)
    @given(legal_changes)
    def attempt(edits: list[tuple[Key, Any]]) -> None:
        accepted = try_plan(folder, *edits)
        tried.accepted, tried.refused = tried.accepted + accepted, tried.refused + (not accepted)

    attempt()
    return tried
