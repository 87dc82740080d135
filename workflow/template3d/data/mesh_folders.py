"""Folders of meshes: ShapeNet's layouts, unpacked or in its zips, and plain folders of files in common formats."""

import contextlib
import dataclasses
import functools
import os
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from template3d.data import archives, gltf, materials, shapenet
from template3d.data.materials import Materials
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits
from template3d.runtime.npz import DAMAGE

MODELS = ("models/model_normalized.obj", "model.obj")
"""The mesh in a shape's folder, in ShapeNetCore.v2 and in ShapeNetCore.v1."""
FORMATS = (".obj", ".glb", ".gltf", ".ply", ".stl", ".off")
"""The files that a flat folder may hold."""


class Location(NamedTuple):
    """Where a mesh is: in a file, or in a member of a ZIP file."""

    file: Path
    member: str = ""

    def __str__(self) -> str:
        """The path, and the member behind a colon."""
        return f"{self.file}: {self.member}" if self.member else str(self.file)


@dataclasses.dataclass(frozen=True)
class MeshFolder:
    """The folder that a configuration names, with its layout and the axes of its meshes."""

    root: Path
    layout: str = "shapenet"
    up: str = "y"
    front: str = "-z"

    @classmethod
    def of(cls, config: Mapping) -> "MeshFolder":
        """The folder of a configuration."""
        if config["shapenet"] == "demo":
            return cls(Path("results/demo_shapes"))
        return cls(Path(config["shapenet"]), **config["meshes"])

    def check(self) -> None:
        """Raise InputError unless the folder exists."""
        if not self.root.is_dir():
            raise InputError(
                f"config: shapenet is {self.root}, but there is no such folder; give the path of ShapeNetCore.v2 or of "
                "your meshes"
            )

    def mesh_file(self, synset: str, shape: str) -> Path:
        """The path of a mesh in the layout of ShapeNetCore.v2, whether it exists or not."""
        return self.root / synset / shape / MODELS[0]

    def locations(self, category: str, synset: str, shapes: Collection[str] | None = None) -> dict[str, Location]:
        """Where the meshes of a category are, by shape: of all shapes, or of those among ``shapes`` that exist.

        Raises InputError if two files of a flat folder differ only in their format, or if a ZIP file is damaged.
        """
        if self.layout == "flat":
            found = _flat(self.root / category)
        else:
            base = self.base(synset)
            if (base / synset).is_dir():
                folder = base / synset
                listed = {entry.name for entry in os.scandir(folder)}
                wanted = listed if shapes is None else listed.intersection(shapes)
                files = {shape: _model(folder / shape) for shape in sorted(wanted)}
                return {shape: Location(file) for shape, file in files.items() if file}
            found = _zipped(base / f"{synset}.zip") if (base / f"{synset}.zip").is_file() else {}
        return found if shapes is None else {shape: found[shape] for shape in shapes if shape in found}

    def base(self, synset: str) -> Path:
        """The folder that holds a synset: the root, or a folder in it, where it was unzipped twice."""
        folders = [self.root, *_subfolders(self.root)]
        holders = [folder for folder in folders if (folder / synset).is_dir() or (folder / f"{synset}.zip").is_file()]
        return holders[0] if holders else self.root

    def all_of(self, category: str, synset: str) -> dict[str, Location]:
        """Where all meshes of a category are that have an id; raises InputError if there are none."""
        found = {shape: at for shape, at in self.locations(category, synset).items() if shapenet.is_id(shape)}
        if not found:
            raise InputError(
                f"{self.root}: this folder has no mesh of {category}; {self.explain_missing(category, synset)}"
            )
        return found

    def explain_missing(self, category: str, synset: str, shape: str | None = None) -> str:
        """The path that was looked for, and where the mesh probably is or what the folder holds instead.

        Of a shape whose mesh is there but is no regular file, says that.
        """
        flat = [self.root / category / f"{shape}{suffix}" for suffix in FORMATS]
        for path in flat if self.layout == "flat" else [self.base(synset) / synset / str(shape) / m for m in MODELS]:
            if os.path.lexists(path):
                try:
                    files.check_regular(path)
                except InputError as flaw:
                    return str(flaw)
        expected = self._expected_path(category, synset, shape)
        return f"there is no {expected}; {self._what_is_there(category, synset, shape)}"

    def _expected_path(self, category: str, synset: str, shape: str | None) -> str:
        if self.layout == "flat":
            return f"{self.root / category / (shape or '<name>')}{{{','.join(FORMATS)}}}"
        return str(self.mesh_file(synset, shape or "<id>"))

    def _what_is_there(self, category: str, synset: str, shape: str | None) -> str:
        flat, wanted = self.layout == "flat", None if shape is None else [shape]
        other = dataclasses.replace(self, layout="shapenet" if flat else "flat")
        above = dataclasses.replace(self, root=self.root.parent)
        if other.locations(category, synset, wanted):
            if flat:
                return f"{self.base(synset)} has ShapeNet's layout: leave meshes.layout out"
            return f"{self.root / category} holds files: set meshes.layout to flat"
        if above.locations(category, synset, wanted):
            return f"it is in {self.root.parent}: set shapenet to that"
        inner = [self.root / category] if flat else [self.root / synset / (shape or ""), self.root / synset]
        folder = next((folder for folder in inner if folder.is_dir()), self.root)
        names = sorted(entry.name for entry in os.scandir(folder))
        return f"{folder} holds {', '.join(names[:3]) or 'nothing'}{', ...' * (len(names) > 3)}"


def check_missing(
    folder: MeshFolder,
    synsets: Mapping[str, str],
    splits: Mapping[str, Mapping[str, list[str]]],
    found: Mapping[str, Mapping[str, Location]],
    on_missing_mesh: str,
) -> None:
    """Raise InputError for shapes without a mesh, or, with ``skip``, for a split without any mesh.

    ``found`` holds where the meshes of each category are. The sentence names the path of the first missing mesh, and
    what the folder holds instead.
    """
    for category, lists in splits.items():
        for split, shapes in lists.items():
            absent = [shape for shape in shapes if shape not in found[category]]
            if absent and (on_missing_mesh == "fail" or len(absent) == len(shapes)):
                some = f"{', '.join(absent[:3])}{', ...' * (len(absent) > 3)}"
                instead = folder.explain_missing(category, synsets[category], absent[0])
                remedy = "; fix the list or set on_missing_mesh: skip" if len(absent) < len(shapes) else ""
                raise InputError(
                    f"{folder.root}: this folder has no mesh of {len(absent)} of the {len(shapes)} {split} shapes of "
                    f"{category} ({some}); {instead}{remedy}"
                )


def files_of(location: Location) -> list[Path]:
    """The files that hold a mesh: its own and, if they exist, those that it names.

    Of a broken file, which ``prepared_meshes.read_file`` reports, only its own.
    """
    try:
        named = [] if location.member else gltf.companions(location.file)
    except InputError:
        named = []
    return [location.file, *(file for file in named if file.is_file())]


def identity(location: Location) -> list[str | Path]:
    """What the geometry depends on: the file and those that it names, or the checksum of the member."""
    if not location.member:
        return list(files_of(location))
    member = _opened(location.file).getinfo(location.member)
    return [f"{member.CRC:08x} {member.file_size}"]


def appearance_files(location: Location) -> list[Path]:
    """The files with the materials and textures of a mesh, besides those in ``files_of``."""
    if location.member or location.file.suffix.lower() != ".obj":
        return []
    return materials.files(location.file)


@contextlib.contextmanager
def on_disk(location: Location, limits: Limits = USUAL) -> Iterator[Path]:
    """The path of a mesh; one in a ZIP file is unpacked, with all files of its shape, for the time of the block.

    An InputError that is raised in the block names the ZIP file instead of the temporary folder. Raises InputError if
    the files of the shape are together larger than ``limits`` allows.
    """
    if not location.member:
        yield location.file
        return
    opened, folder = _opened(location.file), _shape_folder(location.member)
    with tempfile.TemporaryDirectory() as temporary:
        unpacked = 0
        for member in opened.infolist():
            if member.filename.startswith(f"{folder}/") and archives.is_inside(member.filename):
                unpacked += member.file_size
                if unpacked > 1e6 * limits.mesh_mb:
                    allowed = f"limits.mesh_mb ({limits.mesh_mb:g})"
                    raise InputError(f"{location.file}: the files of {folder} are larger than {allowed} allows")
                _extract(opened, member, Path(temporary))
        try:
            yield Path(temporary) / location.member
        except InputError as error:
            raise InputError(with_zip_path(str(error), Path(temporary) / location.member, location)) from error


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    try:
        opened.extract(member, folder)
    except (*DAMAGE, RuntimeError, OSError) as error:  # RuntimeError: encrypted, or an unknown compression
        raise InputError(f"{opened.filename}: {member.filename} cannot be unpacked ({error})") from error


def read_materials(file: Path, mtllib_lines: Sequence[str], folder: Path, limits: Limits = USUAL) -> Materials:
    """The materials of a mesh file; textures that are inside the file are written into ``folder``."""
    if file.suffix.lower() == ".obj":
        return materials.read(file, mtllib_lines, limits)
    from template3d.data import scenes  # trimesh; Snakemake imports this module at every start

    return scenes.read_materials(file, folder, limits)


def with_zip_path(text: str, unpacked: Path, location: Location) -> str:
    """A text in which the ZIP file stands in for the folder to which ``unpacked`` was unpacked from it."""
    folder = str(unpacked).removesuffix(location.member)
    return text.replace(folder, f"{location.file}: ") if location.member else text


def _model(folder: Path) -> Path | None:
    return next((folder / model for model in MODELS if (folder / model).is_file()), None)


def _flat(folder: Path) -> dict[str, Location]:
    found: dict[str, Location] = {}
    for name, file in flat_entries(folder):
        if file.is_file():
            if name in found:
                raise InputError(f"{file}: {found[name].file.name} is beside it; keep one of the two formats")
            found[name] = Location(file)
    return found


def flat_entries(folder: Path) -> Iterator[tuple[str, Path]]:
    """The name and the path of each entry of a flat folder that ends like a mesh, whether it is a file or not."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else []:
        file = Path(entry.path)
        if file.suffix.lower() in FORMATS and not entry.name.startswith("."):
            yield file.stem, file


@functools.cache
def _zipped(file: Path) -> dict[str, Location]:
    found: dict[str, Location] = {}
    for model in reversed(MODELS):
        for name in _opened(file).namelist():
            if name.endswith(f"/{model}") and archives.is_inside(name):
                found[PurePosixPath(_shape_folder(name)).name] = Location(file, name)
    return found


@functools.cache
def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile as damage:
        raise InputError(f"{file}: damaged ({damage}); download it again") from damage


def _shape_folder(member: str) -> str:
    """The folder of a shape, from the name of its mesh in a ZIP file."""
    model = next(model for model in MODELS if member.endswith(f"/{model}"))
    return member.removesuffix(f"/{model}")


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
