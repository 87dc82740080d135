"""Photos in, meshes out, without the workflow.

    template3d reconstruct --model results/models/chairs/two_phase photo.jpg -o chair.glb
    template3d reconstruct --model results/models/chairs/two_phase photos/ -o meshes/ --format glb,obj --preview
    template3d reconstruct --model results/models/chairs/two_phase --views front.jpg side.jpg -o chair.glb

In Python:

    from template3d import load_model, reconstruct_photo

    model = load_model(Path("results/models/chairs/two_phase/model.safetensors"))
    mesh, photo = reconstruct_photo(model, Path("photo.jpg"))
"""

import argparse
import itertools
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from template3d import command_line
from template3d.data import photos
from template3d.geometry import meshes
from template3d.networks import model_folders
from template3d.runtime import downloads
from template3d.runtime.errors import InputError

if TYPE_CHECKING:
    import trimesh
    from torch import Tensor

    from template3d.networks.models import Model

log = logging.getLogger(__name__)

PREVIEW = ".preview.png"
"""What the name of a preview ends with."""


class Task(NamedTuple):
    """One object to reconstruct: its photos, usually one, and the files to write."""

    photos: list[Path]
    outputs: list[Path]

    @property
    def name(self) -> str:
        """Its photos, in words."""
        return ", ".join(map(str, self.photos))


def main(arguments: Sequence[str] | None = None) -> None:
    """Reconstruct photos from the command line; exits with status 1 and a sentence if anything failed."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.ERROR if options.quiet else logging.INFO)
    try:
        tasks = list(_tasks(options))
        for task in tasks:
            for output in task.outputs:
                command_line.check_writable(output)
        model = _loaded(options.model)
    except InputError as error:
        sys.exit(f"{error}")
    command_line.run(tasks, "photo", lambda task: _reconstructed(model, task, options), options.quiet)


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="template3d reconstruct", description=__doc__, formatter_class=form)
    parser.add_argument("photos", type=Path, nargs="*", help="photos, or folders of photos; each shows another object")
    parser.add_argument("--views", type=Path, nargs="+", default=[], help="photos that all show one object")
    known = f"results/models/<category>/<method>, a folder of export-model, or {downloads.FORM}"
    parser.add_argument("--model", required=True, help=known)
    where = "a file, or, for several photos or formats, a folder"
    parser.add_argument("-o", "--output", type=Path, required=True, help=where)
    formats = ", ".join(suffix[1:] for suffix in meshes.WRITERS)
    parser.add_argument("--format", help=f"for a folder: some of {formats}, with commas between; by default glb")
    parser.add_argument("--mask", type=Path, help="for one photo: an image that is white on the object")
    parser.add_argument(
        "--colour", choices=["plain", "template"], default="plain", help="template: by template coordinates"
    )
    parser.add_argument("--preview", action="store_true", help=f"also write a picture, <name>{PREVIEW}")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    cells = f"cells a side, a multiple of 32 up to {command_line.MOST_CELLS}"
    parser.add_argument("--resolution", type=int, default=128, help=cells)
    return parser


def _tasks(options: argparse.Namespace) -> Iterator[Task]:
    """What to reconstruct; raises InputError for arguments that contradict one another."""
    command_line.check_resolution(options.resolution)
    if options.photos and options.views:
        raise InputError("--views takes all photos of one object; leave out the others, or run the command twice")
    groups = [options.views] if options.views else [[photo] for photo in _listed(options.photos)]
    if not groups:
        raise InputError("name a photo, a folder of photos, or, with --views, the photos of one object")
    if options.mask and (len(groups) > 1 or len(groups[0]) > 1):
        raise InputError("--mask is for one photo; put a mask beside each of several (name.mask.png)")
    names = [group[0] for group in groups]
    outputs = command_line.outputs(names, options.output, options.format, "photos")
    yield from itertools.starmap(Task, zip(groups, outputs, strict=True))


def _listed(given: Sequence[Path]) -> Iterator[Path]:
    """The given photos, and those in the given folders; raises InputError for a folder without any."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        inside = photos.listed(path)
        if not inside:
            raise InputError(f"{path}: holds no photo ({', '.join(photos.SUFFIXES)})")
        yield from inside


def _loaded(model: str) -> "Model":
    weights = model_folders.weights_of(model)
    from template3d.networks.models import load_photo_model  # PyTorch takes seconds to import

    loaded = load_photo_model(weights)
    if loaded.trained_on is None:
        log.info("%s: does not say what this model has seen", weights.with_suffix(".json"))
    else:
        log.info("%s", loaded.trained_on.advice)
    return loaded


def _reconstructed(model: "Model", task: Task, options: argparse.Namespace) -> str:
    """Write the files of a task and return the line that says so; raises InputError."""
    from template3d.reconstruction import confidence
    from template3d.reconstruction.photo import reconstruct_views

    start = time.monotonic()
    seen = [photos.read(photo, mask=options.mask) for photo in task.photos]
    mesh, code = reconstruct_views(model, seen, options.resolution)
    if not len(mesh.faces):
        raise InputError(f"{task.name}: the network sees no surface in it")
    if options.colour == "template":
        _colour_by_template(model, code, mesh)
    for output in task.outputs:
        with command_line.written(output) as beside:
            beside.write_bytes(meshes.WRITERS[output.suffix.lower()](mesh))
    known = confidence.of_photos(model, seen)
    if options.preview:
        _write_preview(task.outputs[0].with_suffix(PREVIEW), seen[0], mesh, f"confidence: {known.word}")
    backgrounds = ", ".join(photo.background for photo in seen)
    facts = f"background: {backgrounds}; confidence: {known}"
    written = ", ".join(map(str, task.outputs))
    return f"{written}: {len(mesh.faces)} triangles; {facts}; {time.monotonic() - start:.1f} s"


def _colour_by_template(model: "Model", code: "Tensor", mesh_unit: "trimesh.Trimesh") -> None:
    """Colour the vertices of the mesh of ``code`` (L,) by their template coordinates."""
    from template3d.reconstruction import correspondence
    from template3d.report import colours

    coordinates = correspondence.template_coordinates(model.decoder, code, mesh_unit.vertices)
    mesh_unit.visual.vertex_colors = colours.of_positions(coordinates)  # type: ignore[union-attr]


def _write_preview(file: Path, photo: photos.Photo, mesh: "trimesh.Trimesh", caption: str) -> None:
    """Write a picture of what the encoder saw, and of the mesh from the front and from behind."""
    from PIL import Image, ImageDraw

    from template3d.rendering import previews

    size = 256
    pictures = [Image.fromarray(previews.shaded(mesh, size, turn)).convert("RGB") for turn in (42.0, 222.0)]
    row = Image.new("RGB", (3 * size, size), "white")
    for index, picture in enumerate([photo.image.resize((size, size)), *pictures]):
        row.paste(picture, (index * size, 0))
    ImageDraw.Draw(row).text((8, 6), caption, "black", font_size=14)
    with command_line.written(file) as beside:
        row.save(beside, format="PNG")


if __name__ == "__main__":
    main()
