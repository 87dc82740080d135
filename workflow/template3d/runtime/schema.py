"""The strict check of a configuration against a JSON schema; it reports the most relevant error as one sentence.

Stricter than JSON schema itself: 4.0 is not an integer, a number is finite, and a pattern matches the whole text.
"""

import difflib
import math
import re
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, relevance
from jsonschema.validators import extend

CATEGORY = "{category}"
"""The only braces that a path may have, and only where its format is ``path of categories``."""
LONGEST_NAME = 255
"""Bytes of a file's name, on Linux."""
WORDS = {None: "null", True: "true", False: "false"}
"""How YAML writes these values of Python."""

RENAMED = {
    "batch": "batch_size",
    "even_codes": "rescale_initial_codes",
    "grey_share": "grayscale_probability",
    "halve_every": "halve_learning_rate_every",
    "meshing": "isosurface",
    "rate": "learning_rate",
    "rate_codes": "learning_rate_codes",
    "rate_encoder": "learning_rate_encoder",
    "rate_template": "learning_rate_template",
    "rate_warp": "learning_rate_warp",
}
"""Keys of earlier versions, each with its current name."""


def error_of(config: dict, schema: dict) -> str | None:
    """A sentence for the most relevant error of ``config``, which names the key; None if there is no error."""
    error = max(STRICT(schema, format_checker=FORMATS).iter_errors(config), key=relevance, default=None)
    return None if error is None else _sentence(error)


def shown(value: object) -> str:
    """A value as YAML would write it, shortened, on one line."""
    if value is None or isinstance(value, bool):
        return WORDS[value]
    if isinstance(value, int) and abs(value) >= 10**30:
        return f"{'-' * (value < 0)}10^30 or more"
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100
_SHORT.maxlevel = 2

FORMATS = FormatChecker(formats=())


@FORMATS.checks("path")
def is_path(value: object) -> bool:
    """Whether a text can be the path of a file or folder that Snakemake reads; True for other values."""
    if not isinstance(value, str):
        return True
    parts = value.split("/")
    return value == value.strip() and not set(value) & set("{}") and max(map(_bytes, parts)) <= LONGEST_NAME


@FORMATS.checks("path of categories")
def is_path_of_categories(value: object) -> bool:
    """The same for a path in which ``{category}`` is replaced."""
    return is_path(value.replace(CATEGORY, "c" * len(CATEGORY))) if isinstance(value, str) else True


def _bytes(name: str) -> int:
    return len(name.encode(errors="surrogatepass"))


def _is_integer(_: Any, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: object) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


def _pattern(validator: Any, pattern: str, value: object, schema: Mapping) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
STRICT = extend(Draft202012Validator, {"pattern": _pattern}, type_checker=_TYPES)


def _sentence(error: ValidationError) -> str:
    key = ".".join(map(str, error.absolute_path))

    def path(last: str) -> str:
        return f"{key}.{last}" if key else last

    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = next(key for key in error.instance if key not in known)
        if RENAMED.get(unknown) in known:
            return f"{path(unknown)} is called {path(RENAMED[unknown])} now; rename it"
        near = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it may be one of: {', '.join(known)}"
        return f"there is no key {path(unknown)}; {hint}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"the key {path(missing)} is missing"
    if error.validator in ("pattern", "format") and "description" in error.schema:
        return f"{key}: {shown(error.instance)} must {error.schema['description']}"
    if error.validator == "type" and "pattern" in error.schema and "description" in error.schema:
        return f"{key} is {shown(error.instance)}, but must {error.schema['description']}"
    return f"{key} is {shown(error.instance)}, but must {_rule(error)}{_hint(error)}"


def _rule(error: ValidationError) -> str:
    """What a value must be, from the rule of the schema that it breaks."""
    value = error.validator_value
    if error.validator == "type":
        return _type(value)
    if error.validator == "enum":
        return _enum(value, error.instance)
    if error.validator == "anyOf":
        options = {str(part.relative_schema_path[0]): part.schema for part in error.context}
        return " or ".join(map(_option, options.values()))
    if error.validator == "contains":
        return f"have the entry {value['const']}"
    words = {
        "minimum": "be at least {}",
        "maximum": "be at most {}",
        "exclusiveMinimum": "be above {}",
        "exclusiveMaximum": "be below {}",
        "multipleOf": "be a multiple of {}",
        "minLength": "have at least {} characters",
        "maxLength": "have at most {} characters",
        "minItems": "have at least {} entries",
        "maxItems": "have at most {} entries",
        "minProperties": "have at least {} entries",
        "maxProperties": "have at most {} entries",
        "uniqueItems": "name each entry once",
        "pattern": "match {}",
    }
    return words[error.validator].format(value)


def _type(types: str | list[str]) -> str:
    if types == "array":
        return "be a list, such as [easy, hard]"
    return f"be of type {types if isinstance(types, str) else ' or '.join(types)}"


def _enum(values: list, given: object) -> str:
    names = [value for value in values if isinstance(value, str)]
    near = difflib.get_close_matches(given, names, n=3) if isinstance(given, str) and len(names) > 10 else []
    return f"be one of: {', '.join([*near, '...'] if near else names)}"


def _option(schema: Mapping) -> str:
    """One of several rules for a value, such as ``auto``."""
    if "enum" in schema:
        return _enum(schema["enum"], None)
    return f"{_type(schema['type'])} from {schema['minimum']} to {schema['maximum']}"


def _hint(error: ValidationError) -> str:
    value = error.instance
    if error.validator in ("type", "anyOf"):
        if isinstance(value, str) and re.fullmatch(r"[\d.]+e[-+]?\d+", value):
            return " (in YAML write 1.0e-4, not 1e-4, which is text)"
        if isinstance(value, str) and re.fullmatch(r"[-+]?\d+\.?\d*", value) and _takes_numbers(error):
            return " (it is text: leave the quotes out; of `--config`, put it into a file for `--configfile`)"
        if isinstance(value, float) and value.is_integer():
            return f" (write {value:.0f}, without a point)" if abs(value) < 1e15 else ""
        if isinstance(value, float) and not math.isfinite(value):
            return ", and finite"
    return ""


def _takes_numbers(error: ValidationError) -> bool:
    return error.validator == "anyOf" or error.validator_value in ("integer", "number")
