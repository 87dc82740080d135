"""The configuration, checked: the first thing that is wrong, as one sentence."""

import difflib

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from template3d.runtime.errors import InputError


def check(config: dict, schema: dict) -> None:
    """Raise InputError with a sentence unless ``config`` fits the JSON schema and its keys fit one another."""
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        raise InputError(f"config: {_sentence(error)}")
    _check_together(config)


def _check_together(config: dict) -> None:
    meshing, views, picked = config["meshing"], config["views"], config["reconstruct"]
    if meshing["resolution"] % meshing["coarse"]:
        raise InputError(
            f"config: meshing.resolution is {meshing['resolution']}, but must be a multiple of meshing.coarse, "
            f"{meshing['coarse']}"
        )
    for kind in ("easy", "hard") if picked["views"] == "both" else (picked["views"],):
        if picked["fixed_view"] >= views[kind]:
            raise InputError(
                f"config: reconstruct.fixed_view is {picked['fixed_view']}, but there are only {views[kind]} {kind} "
                "views, counted from 0"
            )
        if picked["random_views"] > views[kind]:
            raise InputError(
                f"config: reconstruct.random_views is {picked['random_views']}, but there are only {views[kind]} "
                f"{kind} views"
            )
    for name, category in config["categories"].items():
        for split in ("train", "test"):
            if category is not None and config["shapenet"] != "demo" and split not in category:
                raise InputError(
                    f"config: categories.{name}.{split} is missing; name a DeepSDF split file or a list of ids"
                )


def _sentence(error: ValidationError) -> str:
    key = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = next(key for key in error.instance if key not in known)
        near = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it may be one of: {', '.join(known)}"
        return f"there is no key {'.'.join(filter(None, (key, unknown)))}; {hint}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"the key {'.'.join(filter(None, (key, missing)))} is missing"
    allowed = {
        "type": lambda wanted: f"must be of type {wanted if isinstance(wanted, str) else ' or '.join(wanted)}",
        "enum": lambda wanted: f"must be one of: {', '.join(wanted)}",
        "minimum": lambda wanted: f"must be at least {wanted}",
        "maximum": lambda wanted: f"must be at most {wanted}",
        "exclusiveMinimum": lambda wanted: f"must be above {wanted}",
        "exclusiveMaximum": lambda wanted: f"must be below {wanted}",
        "multipleOf": lambda wanted: f"must be a multiple of {wanted}",
        "minItems": lambda wanted: f"must have at least {wanted} entries",
        "minProperties": lambda wanted: f"must have at least {wanted} entries",
    }
    if error.validator not in allowed:
        return f"{key}: {error.message}"
    hint = ""
    if error.validator == "type" and isinstance(error.instance, str) and "e" in error.instance:
        hint = " (in YAML write 1.0e-4, not 1e-4, which is text)"
    return f"{key} is {error.instance!r}, but {allowed[error.validator](error.validator_value)}{hint}"
