"""The paths of a configuration that the workflow reads: they must not lie in the folder that it writes."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from template3d.runtime import downloads
from template3d.runtime.errors import InputError
from template3d.runtime.schema import CATEGORY

NO_FILES = ("imagenet", "none", "contrastive")
"""Initial weights of an encoder that are no path."""


def check(config: Mapping[str, Any], results: Path, categories: Collection[str]) -> None:
    """Raise InputError if the workflow would read from the folder ``results``, in which it writes and deletes.

    ``categories`` are the names of the folders of categories. A path may lead there by a link: itself, a folder above
    it, an entry of the folder or an entry of a category's folder in it. Also raises InputError for a file where a
    folder should be, a folder where a file should be, and a folder that cannot be read.
    """
    inside = os.path.realpath(results)
    for key, paths in _given(config, categories).items():
        for given in paths:
            for path in (given, *_links(key, given, categories)):
                real = os.path.realpath(path)
                if not Path(real).is_relative_to(inside):
                    continue
                what = f"{key} is {given}"
                if path != given:
                    what += f", whose link {path} leads to {real}"
                    way_out = "put the files themselves in place of the link"
                else:
                    what += f", which leads to {real}" * (str(path.absolute()) != real)
                    way_out = f"move it out of {results} and set {key} to its new path"
                raise InputError(f"config: {what}, in the folder {results} that the workflow writes; {way_out}")


def _given(config: Mapping[str, Any], categories: Collection[str]) -> dict[str, list[Path]]:
    """The paths that the workflow reads, by key."""
    given = {key: [Path(config[key])] for key in ("shapenet", "photos", "labels", "keypoints")}
    if config["shapenet"] == "demo":
        del given["shapenet"]
    for category, model in config["photo_models"].items():
        if not downloads.is_address(model):
            given[f"photo_models.{category}"] = [Path(model)]
    if backgrounds := config["augmentation"]["backgrounds"]:
        given["augmentation.backgrounds"] = [Path(backgrounds)]
    if published := config["phase1"]["from"]:
        given["phase1.from"] = [Path(published.replace(CATEGORY, category)) for category in categories]
    for section in ("encoder", "end_to_end"):
        if (weights := config[section]["weights"]) not in NO_FILES:
            given[f"{section}.weights"] = [Path(weights)]
    return given


def _links(key: str, folder: Path, categories: Collection[str]) -> Iterator[Path]:
    """The links in a folder and in the folders of categories in it; none for weights, which are a file."""
    if key.endswith("weights"):
        if folder.is_dir():
            raise InputError(f"config: {key} is {folder}, but that is a folder; give the path of a file of weights")
        return
    for listed in (folder, *(folder / category for category in categories)):
        try:
            with os.scandir(listed) as entries:
                yield from (Path(entry.path) for entry in entries if entry.is_symlink())
        except FileNotFoundError:
            continue
        except NotADirectoryError as error:
            if listed == folder:
                raise InputError(f"config: {key} is {folder}, but that is a file; give the path of a folder") from error
        except OSError as error:
            raise InputError(f"config: {key} is {folder}, but {listed} cannot be read ({error.strerror})") from error
