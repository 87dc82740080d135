"""The check of the configuration; it reports the most relevant error as one sentence."""

import copy
import difflib
import re
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from template3d.runtime.errors import InputError

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


def check(config: dict, schema: dict) -> None:
    """Fill in the defaults of missing keys and expand ``~`` in paths, in place, and check the configuration.

    Raises InputError if ``config`` does not match the JSON schema or if its keys contradict one another.
    """
    _set_defaults(config, schema)
    _expand_home(config)
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        raise InputError(f"config: {_sentence(error)}")
    _check_together(config)


def _set_defaults(section: dict, schema: dict) -> None:
    for key, of_key in schema["properties"].items():
        if "default" in of_key:
            section.setdefault(key, copy.deepcopy(of_key["default"]))
        elif "properties" in of_key and isinstance(section.setdefault(key, {}), dict):
            _set_defaults(section[key], of_key)


def _expand_home(section: dict) -> None:
    for key, value in section.items():
        if isinstance(value, dict):
            _expand_home(value)
        elif isinstance(value, str) and value.startswith("~"):
            section[key] = str(Path(value).expanduser())


def _check_together(config: dict) -> None:
    isosurface, views, reconstruct = config["isosurface"], config["views"], config["reconstruct"]
    if isosurface["resolution"] % isosurface["coarse"]:
        raise InputError(
            f"config: isosurface.resolution is {isosurface['resolution']}, but must be a multiple of "
            f"isosurface.coarse, {isosurface['coarse']}"
        )
    for kind in reconstruct["views"]:
        if reconstruct["fixed_view"] >= views[kind]:
            raise InputError(
                f"config: reconstruct.fixed_view is {reconstruct['fixed_view']}, but there are only {views[kind]} "
                f"{kind} views, counted from 0"
            )
        if reconstruct["random_views"] > views[kind]:
            raise InputError(
                f"config: reconstruct.random_views is {reconstruct['random_views']}, but there are only {views[kind]} "
                f"{kind} views"
            )
    up, front = config["meshes"]["up"], config["meshes"]["front"]
    if up[-1] == front[-1]:
        raise InputError(f"config: meshes.up is {up} and meshes.front is {front}, but they must be different axes")
    for name, category in config["categories"].items():
        if category is None or config["shapenet"] == "demo":
            continue
        lists = [split for split in ("train", "test") if split in category]
        if "test_share" in category and lists:
            raise InputError(f"config: categories.{name} has test_share and {lists[0]}; keep either")
        for split in ("train", "test"):
            if "test_share" not in category and split not in category:
                raise InputError(
                    f"config: categories.{name}.{split} is missing; name a DeepSDF split file or a list of ids, or set "
                    "test_share"
                )


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
    allowed = {
        "type": _type_sentence,
        "enum": lambda values: f"must be one of: {', '.join(value for value in values if isinstance(value, str))}",
        "minimum": lambda bound: f"must be at least {bound}",
        "maximum": lambda bound: f"must be at most {bound}",
        "exclusiveMinimum": lambda bound: f"must be above {bound}",
        "exclusiveMaximum": lambda bound: f"must be below {bound}",
        "multipleOf": lambda factor: f"must be a multiple of {factor}",
        "minItems": lambda count: f"must have at least {count} entries",
        "minProperties": lambda count: f"must have at least {count} entries",
    }
    if error.validator == "pattern" and "description" in error.schema:
        return f"{key}: {error.instance!r} must {error.schema['description']}"
    if error.validator == "type" and "pattern" in error.schema and "description" in error.schema:
        return f"{key} is {error.instance!r}, but must {error.schema['description']}"
    if error.validator not in allowed:
        return f"{key}: {error.message}"
    hint = ""
    if error.validator == "type" and re.fullmatch(r"[\d.]+e[-+]?\d+", str(error.instance)):
        hint = " (in YAML write 1.0e-4, not 1e-4, which is text)"
    return f"{key} is {error.instance!r}, but {allowed[error.validator](error.validator_value)}{hint}"


def _type_sentence(types: str | list[str]) -> str:
    if types == "array":
        return "must be a list, such as [easy, hard]"
    return f"must be of type {types if isinstance(types, str) else ' or '.join(types)}"
