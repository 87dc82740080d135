"""The check of the configuration; it reports the most relevant error as one sentence."""

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from template3d.runtime import downloads
from template3d.runtime import schema as schemas
from template3d.runtime.errors import InputError
from template3d.runtime.schema import shown

LONGEST_KEY, LONGEST_TEXT = 100, 4000
"""Characters of a key, and of a text."""
MOST_ENTRIES, MOST_VALUES, DEEPEST = 2000, 20000, 8
"""Entries of a list or section, values of a configuration, and sections inside one another."""
LARGEST_ODD_STEP = 15
"""The isosurface halves its cells as often as it can; then one cell is cut into so many fine cells a side at most."""
LARGEST_FAR_SHARE = 0.9
"""The largest share of the points of a shape's distances that need not be near its surface."""
IMAGE_SIZES = {"inception_v3": 75, "alexnet": 63}
"""The smallest images that some backbones take; the others take the smallest that the schema allows."""
ONLY_224 = ("vit_", "maxvit_")
"""How the names of backbones begin that take images of 224 pixels a side only."""
OF_DEMO = dict.fromkeys(("easy", "hard", "image_size"), "views") | {
    "fixed_view": "reconstruct",
    "directions": "sdf",
    "min_steps_per_epoch": "phase1",
    "synthetic_shapes": "phase2",
}
"""Keys of the section ``demo`` that replace those of another section for the built-in shapes."""
PICTURES = ("template", "losses", "codes", "errors", "worst", "angles", "between")
"""What stands behind a category's name and ``_`` in the names of its pictures."""


def check(config: dict, schema: dict) -> None:
    """Fill in the defaults of missing keys, expand ``~`` in paths and use the demo's views, in place, and check it all.

    Raises InputError if ``config`` does not match the JSON schema or if its keys contradict one another.
    """
    plain = _plain(config, (), itertools.count())
    config.clear()
    config.update(plain)
    _set_defaults(config, schema)
    _expand_home(config, ())
    if sentence := schemas.error_of(config, schema):
        raise InputError(f"config: {sentence}")
    if config["shapenet"] == "demo":
        for key, section in OF_DEMO.items():
            config[section][key] = config["demo"][key]
    for sentence in _contradictions(config):
        raise InputError(f"config: {sentence}")


def _plain(value: Any, key: tuple[str, ...], counted: Iterator[int]) -> Any:
    """A copy of a value in which no parts are shared, as YAML's aliases share them; raises InputError for nonsense."""
    at = f"config: {'.'.join(key) or 'it'}"
    if next(counted) >= MOST_VALUES:
        raise InputError(f"{at} makes more than {MOST_VALUES} values of the configuration; leave some out")
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise InputError(f"{at} is a text of {len(value)} characters, but may have {LONGEST_TEXT} at most")
        if not value.isprintable():
            strange = next(character for character in value if not character.isprintable())
            raise InputError(f"{at} is {shown(value)}, but must not have the character {strange!r}; write it without")
    if not isinstance(value, (dict, list)):
        return value
    if len(key) > DEEPEST:
        raise InputError(f"{at} is too deep; the configuration has {DEEPEST} levels at most")
    if len(value) > MOST_ENTRIES:
        raise InputError(f"{at} has {len(value)} entries, but may have {MOST_ENTRIES} at most")
    if isinstance(value, list):
        return [_plain(entry, (*key, str(index)), counted) for index, entry in enumerate(value)]
    for name in value:
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= LONGEST_KEY:
            section = f" in {'.'.join(key)}" if key else ""
            raise InputError(
                f"config: {shown(name)} cannot be a key{section}; a key is a text of up to {LONGEST_KEY} characters "
                "(in YAML, put words such as yes, no, on and off in quotes)"
            )
    return {name: _plain(entry, (*key, name), counted) for name, entry in value.items()}


def _set_defaults(section: dict, schema: dict) -> None:
    for key, of_key in schema["properties"].items():
        if "default" in of_key:
            section.setdefault(key, copy.deepcopy(of_key["default"]))
        elif "properties" in of_key and isinstance(section.setdefault(key, {}), dict):
            _set_defaults(section[key], of_key)


def _expand_home(section: dict, path: tuple[str, ...]) -> None:
    for key, value in section.items():
        if isinstance(value, dict):
            _expand_home(value, (*path, key))
        elif isinstance(value, str) and value.startswith("~"):
            try:
                section[key] = str(Path(value).expanduser())
            except RuntimeError as error:
                raise InputError(
                    f"config: {'.'.join((*path, key))} is {shown(value)}, but there is no such home folder; write the "
                    "path without ~"
                ) from error


def _contradictions(config: dict) -> Iterator[str]:
    """A sentence for each pair of values that contradict one another."""
    yield from _of_categories(config)
    yield from _of_views(config)
    yield from _of_training(config)
    up, front = config["meshes"]["up"], config["meshes"]["front"]
    if up[-1] == front[-1]:
        yield f"meshes.up is {up} and meshes.front is {front}, but they must be different axes"
    uniform, stretched = config["sdf"]["uniform_share"], config["sdf"]["stretched_share"]
    if uniform + stretched > LARGEST_FAR_SHARE:
        yield (
            f"sdf.uniform_share is {uniform} and sdf.stretched_share is {stretched}, but together they must be at most "
            f"{LARGEST_FAR_SHARE}, so that some points are near the surface"
        )
    resolution, coarse = config["isosurface"]["resolution"], config["isosurface"]["coarse"]
    if resolution % coarse:
        yield f"isosurface.resolution is {resolution}, but must be a multiple of isosurface.coarse, {coarse}"
    elif (step := _odd_part(resolution // coarse)) > LARGEST_ODD_STEP:
        yield (
            f"isosurface.resolution is {resolution} and isosurface.coarse {coarse}: their ratio can be halved down to "
            f"{step}, but to limit the memory it must get to {LARGEST_ODD_STEP} or less; set isosurface.resolution to "
            f"{coarse * 2 ** ((resolution // coarse).bit_length() - 1)}, for example"
        )


def _odd_part(number: int) -> int:
    return number // (number & -number)


def _of_categories(config: dict) -> Iterator[str]:
    active = [name for name, category in config["categories"].items() if category is not None]
    if not active:
        yield "categories has only null entries; give one category its settings, such as chairs: {shards: 1}"
    for name, word in itertools.product(active, PICTURES):
        if f"{name}_{word}" in active:
            yield (
                f"categories.{name}_{word}: its picture would have the name of the picture {word} of {name}, "
                f"{name}_{word}.png; rename one of the two"
            )
    for name, model in config["photo_models"].items():
        if name not in active:
            yield f"photo_models.{name} is {model}, but this run has no category {name} ({', '.join(active)})"
        if downloads.is_address(model) and not downloads.ADDRESS.fullmatch(model):
            yield f"photo_models.{name} is {model}, but an address must have the form {downloads.FORM}"
    models = config["evaluate"]["models"]
    for name, model in models.items():
        for other in (name, model):
            if other not in active:
                yield f"evaluate.models.{name} is {model}, but this run has no category {other} ({', '.join(active)})"
        if model in models:
            yield (
                f"evaluate.models.{name} is {model}, but {model} has no model of its own: evaluate.models names "
                f"that of {models[model]} for it"
            )
    for name in active if config["shapenet"] != "demo" else []:
        category = config["categories"][name]
        lists = [split for split in ("train", "test") if split in category]
        if "test_share" in category and lists:
            yield f"categories.{name} has test_share and {lists[0]}; keep either"
        for split in ("test",) if name in models else ("train", "test"):
            if "test_share" not in category and split not in category:
                yield (
                    f"categories.{name}.{split} is missing; name a DeepSDF split file or a list of ids, or set "
                    "test_share"
                )


def _of_views(config: dict) -> Iterator[str]:
    views, reconstruct = config["views"], config["reconstruct"]
    section_of = dict.fromkeys(OF_DEMO, "demo") if config["shapenet"] == "demo" else OF_DEMO
    for kind in reconstruct["views"]:
        there = f"there are only {views[kind]} {kind} views ({section_of[kind]}.{kind})"
        if reconstruct["fixed_view"] >= views[kind]:
            key = f"{section_of['fixed_view']}.fixed_view"
            yield f"{key} is {reconstruct['fixed_view']}, but {there}, counted from 0"
        if reconstruct["random_views"] > views[kind]:
            yield f"reconstruct.random_views is {reconstruct['random_views']}, but {there}"
    contrastive, end_to_end = config["contrastive"], config["end_to_end"]
    runs = "end_to_end" in config["methods"] and "contrastive" in (end_to_end["weights"], *end_to_end["compare"])
    if runs and contrastive["positives"] == "views" and sum(views[kind] for kind in contrastive["views"]) < 2:
        kind = contrastive["views"][0]
        yield (
            f"contrastive.positives is views, which takes two views of a shape, but {section_of[kind]}.{kind} is 1 and "
            f"contrastive.views is [{kind}]; set contrastive.positives to augmentations, or use more views"
        )


def _of_training(config: dict) -> Iterator[str]:
    backbone, size = config["encoder"]["backbone"], config["encoder"]["image_size"]
    if backbone.startswith(ONLY_224) and size != 224:
        yield f"encoder.image_size is {size}, but encoder.backbone {backbone} takes 224 only"
    if size < IMAGE_SIZES.get(backbone, 0):
        yield f"encoder.image_size is {size}, but encoder.backbone {backbone} takes {IMAGE_SIZES[backbone]} at least"
    if config["encoder"]["weights"] == "contrastive":
        yield (
            "encoder.weights is 'contrastive', but contrastive pretraining starts from encoder.weights itself; set it "
            "to none or imagenet, and end_to_end.weights to contrastive"
        )
    for section in ("phase2", "end_to_end"):
        if config[section]["patience"] and not config["split"]["validation_share"]:
            yield (
                f"{section}.patience is {config[section]['patience']}, but split.validation_share is 0, so no shapes "
                "are held out that could say when to stop; set either"
            )
    gpus = config["training"]["gpus"]
    steps: dict[str, str] = {}
    if "two_phase" in config["methods"]:
        steps |= {"phase2": "batch_size"} | ({} if config["phase1"]["from"] else {"phase1": "scenes_per_batch"})
    if "end_to_end" in config["methods"]:
        steps |= {"contrastive": "batch_size", "end_to_end": "scenes_per_batch"}
    for section, key in steps.items():
        if gpus > 1 and config[section][key] % gpus:
            yield (
                f"{section}.{key} is {config[section][key]}, but must be a multiple of training.gpus, {gpus}, which "
                "share each batch evenly"
            )
