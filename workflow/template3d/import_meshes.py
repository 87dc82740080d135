"""Look at a folder of meshes and print the configuration for it.

    template3d import-meshes /data/my_chairs > my_meshes.yaml
    snakemake --configfile my_meshes.yaml

The folder may be ShapeNet's (unpacked or in zips), a folder with a folder of files for each category, or a folder of
files. Nothing is written or changed.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from template3d.data import shapenet, splits
from template3d.data.mesh_folders import FORMATS, Location, MeshFolder
from template3d.runtime.errors import InputError

TABLE = Path(__file__).parents[2] / "resources/categories.csv"
SYNSET = re.compile(r"\d{8}")
NAME = re.compile(r"[a-z][a-z0-9_-]*")
BUILT_IN = ("chairs", "sofas", "planes")
"""The categories of config.yaml, which an overlay must switch off."""
SHAPES_PER_SHARD = 64
TEST_SHARE = 0.2


def configuration(root: Path, synsets: dict[str, str]) -> str:
    """The text of a configuration for a folder; ``synsets`` maps categories to synsets.

    Raises InputError, with a way out, if there are no meshes in a layout that the workflow reads.
    """
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    folder, found = _categories(root.resolve(), {synset: category for category, synset in synsets.items()})
    if not found:
        raise InputError(
            f"{root}: holds no meshes that the workflow reads: neither <synset>/<id>/models/model_normalized.obj, "
            f"nor <synset>.zip, nor <category>/<name> with one of {', '.join(FORMATS)}"
        )
    entries = [_entry(folder, category, synset, shapes) for category, (synset, shapes) in found.items()]
    off = [f"  {category}: null" for category in BUILT_IN if category not in found]
    lines = [f"shapenet: {json.dumps(str(folder.root))}"]
    if folder.layout == "flat":
        lines += [
            "# The axes of the files that point up and to the front. To check, run `snakemake contact_sheets`:",
            "# the last easy view of each shape must show its front.",
            "meshes: {layout: flat, up: y, front: -z}",
        ]
    return "\n".join([*lines, "categories:", *entries, *off]) + "\n"


def _categories(root: Path, names: dict[str, str]) -> tuple[MeshFolder, dict[str, tuple[str, dict[str, Location]]]]:
    """The folder with its layout, and the synset and meshes of each category in it."""
    if SYNSET.fullmatch(root.name):
        raise InputError(f"{root}: this is one category of ShapeNet; give the folder above, {root.parent}")
    entries = [*sorted(root.iterdir()), *sorted(root.glob("*/*"))]
    shapenets = sorted({entry.stem for entry in entries if SYNSET.fullmatch(entry.stem)})
    folder, found = MeshFolder(root), {}
    for synset in shapenets:
        if shapes := folder.locations("", synset):
            found[names.get(synset, f"synset_{synset}")] = (synset, shapes)
    if found:
        return folder, found
    flat = MeshFolder(root, "flat")
    inner = [entry.name for entry in sorted(root.iterdir()) if entry.is_dir()]
    found = {name: (name, shapes) for name in inner if (shapes := flat.locations(name, name))}
    if not found and (shapes := (above := MeshFolder(root.parent, "flat")).locations(root.name, root.name)):
        flat, found = above, {root.name: (root.name, shapes)}
    for name in found:
        if not NAME.fullmatch(name):
            raise InputError(
                f"{flat.root / name}: the folder's name becomes that of the category, so it must begin with a small "
                f"letter and have small letters, digits, - and _ only; rename it, for example to {_simplified(name)}"
            )
    return flat, found


def _entry(folder: MeshFolder, category: str, synset: str, shapes: dict[str, Location]) -> str:
    """The line of a category in the configuration; raises InputError for a name that cannot be an id."""
    split = splits.shares([shapenet.check_id(shape, str(folder.root)) for shape in shapes], TEST_SHARE, seed=0)
    shards = math.ceil(len(shapes) / SHAPES_PER_SHARD)
    unknown = f'synset: "{synset}", ' if category.startswith("synset_") else ""
    lists, note = f"test_share: {TEST_SHARE}", ""
    if len(split["train"]) < splits.MIN_TRAINING_SHAPES or not split["test"]:
        lists, note = f"train: {category}_train.txt, test: {category}_test.txt", "; list their ids in these files"
    return f"  {json.dumps(category)}: {{{unknown}shards: {shards}, {lists}}}  # {len(shapes)} meshes{note}"


def _simplified(name: str) -> str:
    return re.sub(r"^[^a-z]+", "", re.sub(r"[^a-z0-9_-]+", "_", name.lower())).strip("_") or "shapes"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the configuration for a folder; on an input error, exit with a sentence."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="template3d import-meshes", description=__doc__, formatter_class=form)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    try:
        if not TABLE.is_file():
            raise InputError(f"{TABLE} is missing; run this command in a clone of the repository, after `make`")
        print(configuration(options.folder.expanduser(), shapenet.synsets(TABLE)), end="")
    except InputError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
