"""The sizes of a network as a file describes them: their types and ranges, checked before a network is made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from template3d.networks.warp import STAGES
from template3d.runtime.errors import InputError

LARGEST = 10**7
"""More than any width or code length; what does not fit its weights is found without memory, on the meta device."""
MOST_STEPS = MOST_LAYERS = 64
KEYS = ("code_length", "warp_hidden", "warp_steps", "template_hidden", "dropout")


def checked(sizes: Any, file: Path) -> dict[str, Any]:
    """The arguments of ``ImplicitTemplate``; raises InputError, naming the file, for a wrong type or value."""
    if not isinstance(sizes, Mapping) or sizes.keys() != set(KEYS):
        raise InputError(f"{file}: describes no network; it must give {', '.join(KEYS)}")
    for key in ("code_length", "warp_hidden"):
        check_count(sizes[key], LARGEST, key, file)
    check_count(sizes["warp_steps"], MOST_STEPS, "warp_steps", file)
    if sizes["warp_steps"] % STAGES:
        raise InputError(f"{file}: warp_steps is {sizes['warp_steps']}, but must be a multiple of {STAGES}")
    layers = sizes["template_hidden"]
    if not isinstance(layers, list) or not 1 <= len(layers) <= MOST_LAYERS:
        raise InputError(f"{file}: template_hidden must be a list of 1 to {MOST_LAYERS} widths")
    for width in layers:
        check_count(width, LARGEST, "a width in template_hidden", file)
    dropout = sizes["dropout"]
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise InputError(f"{file}: dropout is {_short(dropout)}, but must be a number from 0 to less than 1")
    return dict(sizes)


def check_count(value: object, most: int, name: str, file: Path) -> None:
    """Raise InputError unless a value is a whole number from 1 to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InputError(f"{file}: {name} is {_short(value)}, but must be a whole number from 1 to {most}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
