"""Entries of a folder of meshes that look like a mesh and cannot be one: by their name, or because they are no file."""

import os
from collections.abc import Iterator
from pathlib import Path

from template3d.data import mesh_folders
from template3d.data.mesh_folders import MeshFolder
from template3d.data.shapenet import check_id
from template3d.runtime import files
from template3d.runtime.errors import InputError, printable


def left_out(folder: MeshFolder, category: str, synset: str, on_bad_mesh: str) -> dict[str, str]:
    """The unusable entries of a category, each with the reason.

    With ``on_bad_mesh`` ``fail``, raises InputError for the first. Where lists name the shapes, an entry that no
    list has does not matter, and the lists check the ids.
    """
    found: dict[str, str] = {}
    for name, path in _entries(folder, category, synset):
        try:
            check_id(name, str(path))
            files.check_regular(path)
        except InputError as flaw:
            if on_bad_mesh == "fail":
                raise InputError(f"{flaw}; or set on_bad_mesh: skip") from flaw
            found[printable(name)] = str(flaw)
    return found


def _entries(folder: MeshFolder, category: str, synset: str) -> Iterator[tuple[str, Path]]:
    """The name of each shape, and the path of its mesh, whether it is a file or not."""
    if folder.layout == "flat":
        yield from mesh_folders.flat_entries(folder.root / category)
        return
    base = folder.base(synset)
    if (base / synset).is_dir():
        for entry in sorted(os.scandir(base / synset), key=lambda entry: entry.name):
            models = [Path(entry.path) / model for model in mesh_folders.MODELS]
            yield from ((entry.name, model) for model in [*filter(os.path.lexists, models)][:1])
    else:
        yield from ((name, location.file) for name, location in folder.locations(category, synset).items())
