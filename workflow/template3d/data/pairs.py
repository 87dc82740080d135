"""Two training shapes of one category, as `between` in the configuration names them."""

import difflib
from collections.abc import Mapping, Sequence

from template3d.runtime.errors import InputError

NEAR = 3
"""The most ids that a sentence lists."""


def category_and_ids(between: Sequence[str], training: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    """The category of two training shapes, and their ids; ``training`` holds the ids of each category.

    Each entry of ``between`` is an id, or the beginning of one. Raises InputError, with ids that are near, unless the
    entries name two shapes of one category.
    """
    if len(between) != 2:
        raise InputError(f"between: takes the ids of two training shapes, as in [a, b], not of {len(between)}")
    named = [_named(text, training) for text in between]
    shared = [category for category in training if category in named[0] and category in named[1]]
    if not shared:
        of = " and ".join(f"{text} of {' and '.join(ids)}" for text, ids in zip(between, named, strict=True))
        raise InputError(f"between: {of}: take two shapes of one category")
    for text, ids in zip(between, named, strict=True):
        several = [shape for category in shared for shape in ids[category]]
        if len(several) > 1:
            listed = ", ".join(several[:NEAR]) + ", ..." * (len(several) > NEAR)
            raise InputError(f"between: {len(several)} ids begin with {text} ({listed}); write more of it")
    ends = [ids[shared[0]][0] for ids in named]
    if ends[0] == ends[1]:
        raise InputError(f"between: both entries name {ends[0]}; take two different shapes")
    return shared[0], ends


def _named(text: str, training: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """By category, the shapes with the id ``text``, or else those whose ids begin with it."""
    for is_named in (text.__eq__, lambda shape: shape.startswith(text)):
        named = {category: [shape for shape in shapes if is_named(shape)] for category, shapes in training.items()}
        if named := {category: shapes for category, shapes in named.items() if shapes and text}:
            return named
    ids = [shape for shapes in training.values() for shape in shapes]
    likeness = {shape: difflib.SequenceMatcher(None, text, shape[: len(text)]).ratio() for shape in ids}
    near = sorted(ids, key=lambda shape: -likeness[shape])[:NEAR]
    raise InputError(f"between: {text!r} is no training shape of {', '.join(training)}; near ones: {', '.join(near)}")
