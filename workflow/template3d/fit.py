"""Scans in, meshes out: a shape of a trained model, fitted to a point cloud or to a part of one.

    template3d fit --model results/models/chairs/two_phase scan.ply -o chair.glb
    template3d fit --model results/models/chairs/two_phase scan.ply -o chair.ply --up z --align scale,turn
    template3d fit --model results/models/chairs/two_phase depth1.npy depth2.npy -o meshes/ --sensor 0 0 0 --align scale

A mesh lies over its scan. Its colours say how near the scan is: blue where it supports the shape, red where the shape
is a guess. Without --align, the scan must be in the model's frame: y up, the front towards -z, in the unit sphere.
"""

import argparse
import itertools
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from template3d import command_line
from template3d.data import scans
from template3d.geometry import frames, meshes
from template3d.networks import model_folders
from template3d.runtime import downloads
from template3d.runtime.errors import InputError

if TYPE_CHECKING:
    import trimesh

    from template3d.networks.models import Model
    from template3d.reconstruction.scan import ScanFit

AXES = ("x", "y", "z", "-x", "-y", "-z")
FRONTS = {"x": "-z", "y": "-z", "z": "-y"}
"""The front from which the turn is counted, by the vertical axis."""
REACH = 1.1
"""Without --align scale, 99 of 100 points of a scan must lie within this distance from the origin."""
SUPPORTED, GUESSED = 0.02, 0.1
"""Distances to the scan, as shares of the shape's diagonal: up to the one, a vertex counts as supported; the colour is
blue at 0 and red from the other one on."""
POOR, UNSUPPORTED = 0.01, 0.25
"""A fit is poor if its mean distance from the scan, as a share of the diagonal, is above the one, or if the share of
supported vertices is below the other; a scan of one side supports half of them."""
DETAILS = ".fit.json"
"""What the name of the file with the code ends with."""


class Task(NamedTuple):
    """A scan, and the files to write."""

    scan: Path
    outputs: list[Path]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit scans from the command line; exits with status 1 and a sentence if anything failed."""
    options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    logging.basicConfig(format="%(message)s", level=logging.ERROR if options.quiet else logging.INFO)
    try:
        tasks = _tasks(options)
        for output in itertools.chain.from_iterable(task.outputs for task in tasks):
            command_line.check_writable(output)
        model = _loaded(options.model)
    except InputError as error:
        sys.exit(f"{error}")
    command_line.run(tasks, "scan", lambda task: _fitted(model, task, options), options.quiet)


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="template3d fit", description=__doc__, formatter_class=form)
    parser.add_argument("scans", type=Path, nargs="+", help=f"files ({', '.join(scans.SUFFIXES)}), or folders of them")
    known = f"results/models/<category>/<method>, a folder of export-model, or {downloads.FORM}"
    parser.add_argument("--model", required=True, help=known)
    where = "a file, or, for several scans or formats, a folder"
    parser.add_argument("-o", "--output", type=Path, required=True, help=where)
    formats = ", ".join(suffix[1:] for suffix in meshes.WRITERS)
    parser.add_argument("--format", help=f"for a folder: some of {formats}, with commas between; by default glb")
    unknown = "what is not known of the scan: scale (its unit, size and position), turn (about the vertical axis)"
    parser.add_argument("--align", default="", metavar="scale,turn", help=unknown)
    parser.add_argument("--up", choices=AXES, default="y", help="the axis of the scan that points up; by default y")
    parser.add_argument("--front", choices=AXES, help="the axis to which the object's front points; by default -z")
    sensor = "where the scanner stood, in the scan's frame: the space between it and the points is empty"
    parser.add_argument("--sensor", type=float, nargs=3, metavar=("X", "Y", "Z"), help=sensor)
    support = "by the distance to the scan, by template coordinates, or none"
    parser.add_argument("--colour", choices=["support", "template", "none"], default="support", help=support)
    frame = "where the mesh lies: over the scan, or as from template3d reconstruct"
    parser.add_argument("--frame", choices=["scan", "unit"], default="scan", help=frame)
    parser.add_argument("--details", action="store_true", help=f"also write code and placement, <name>{DETAILS}")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    cells = f"cells a side, a multiple of 32 up to {command_line.MOST_CELLS}"
    parser.add_argument("--resolution", type=int, default=128, help=cells)
    return parser


def _joined(arguments: Sequence[str]) -> list[str]:
    """The arguments, with an axis such as ``-z`` joined to its option, because it looks like an option itself."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--up", "--front") and argument in AXES:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _tasks(options: argparse.Namespace) -> list[Task]:
    """What to fit; raises InputError for arguments that contradict one another."""
    command_line.check_resolution(options.resolution)
    options.align = tuple(part.strip() for part in options.align.split(",") if part.strip())
    for part in options.align:
        if part not in scans.ALIGN:
            raise InputError(f"--align has {part!r}, but knows only {' and '.join(scans.ALIGN)}")
    vertical = options.up[-1]
    if options.front is None:
        if vertical != "y" and "turn" not in options.align:
            raise InputError(f"--up is {options.up}: give --front, too, or add turn to --align if it is not known")
        options.front = FRONTS[vertical]
    if options.front[-1] == vertical:
        raise InputError(f"--up {options.up} and --front {options.front} are one axis; the front is at a right angle")
    if options.sensor and not np.isfinite(options.sensor).all():
        raise InputError("--sensor must be three finite numbers, in the unit of the scan")
    files = [file for path in options.scans for file in _listed(path)]
    outputs = command_line.outputs(files, options.output, options.format, "scans")
    return list(itertools.starmap(Task, zip(files, outputs, strict=True)))


def _listed(path: Path) -> list[Path]:
    """A scan, or those in a folder; raises InputError for a folder without any."""
    if not path.is_dir():
        return [path]
    inside = sorted(file for file in path.iterdir() if file.suffix.lower() in scans.SUFFIXES)
    if not inside:
        raise InputError(f"{path}: holds no scan ({', '.join(scans.SUFFIXES)})")
    return inside


def _loaded(model: str) -> "Model":
    weights = model_folders.weights_of(model, with_encoder=False)
    from template3d.networks.models import load_model  # PyTorch takes seconds to import

    loaded = load_model(weights)
    if loaded.codes is None:
        raise InputError(f"{weights}: has no codes of training shapes, among which a fit starts; use another model")
    return loaded


def _fitted(model: "Model", task: Task, options: argparse.Namespace) -> str:
    """Write the files of a task and return the line that says so; raises InputError."""
    import torch

    from template3d.reconstruction import inference
    from template3d.reconstruction import scan as scan_fit

    start, axes = time.monotonic(), frames.to_shapenet(options.up, options.front)
    read = scans.read(task.scan, np.random.default_rng(0))
    scan = read.turned(axes)
    if "scale" not in options.align:
        _check_size(task.scan, scan.points)
    sensor = None if options.sensor is None else axes @ options.sensor
    generator = torch.Generator().manual_seed(0)
    assert model.codes is not None  # as _loaded checks
    fit = scan_fit.fit_scan(model.decoder, model.codes, scan, generator, sensor, options.align)
    (mesh,) = inference.meshes_of(model.decoder, fit.code[None], options.resolution, coarse=32)
    if not len(mesh.faces):
        raise InputError(f"{task.scan}: the fitted code has no surface; is the scan one of the model's category?")
    diagonal = float(np.linalg.norm(np.ptp(mesh.vertices, axis=0)))
    support = scan_fit.support(fit.placement.to_unit(scan.points), mesh.vertices)
    notes = [*read.notes, *_notes(fit, diagonal, support, options)]
    _colour(model, fit, mesh, support / diagonal, options.colour)
    if options.frame == "scan":
        mesh.vertices = fit.placement.from_unit(mesh.vertices) @ axes
        support = support / fit.placement.scale
    mesh.vertex_attributes["support"] = support.astype(np.float32)
    for output in task.outputs:
        with command_line.written(output) as beside:
            beside.write_bytes(meshes.WRITERS[output.suffix.lower()](mesh))
    if options.details:
        with command_line.written(task.outputs[0].with_suffix(DETAILS)) as beside:
            beside.write_text(json.dumps(_details(fit, axes), indent=1) + "\n")
    written = ", ".join(map(str, task.outputs))
    return f"{written}: {len(mesh.faces)} triangles; {'; '.join(notes)}; {time.monotonic() - start:.1f} s"


def _check_size(file: Path, points: np.ndarray) -> None:
    """Raise InputError for a scan (N, 3) that does not lie in the unit sphere."""
    reach = float(np.percentile(np.linalg.norm(points, axis=1), 99))
    if reach > REACH:
        raise InputError(
            f"{file}: reaches {reach:.4g} from the origin, but the model's shapes lie within 1; add --align scale if "
            "its unit or position is another"
        )


def _notes(fit: "ScanFit", diagonal: float, support: np.ndarray, options: argparse.Namespace) -> list[str]:
    """What to say about a fit whose vertices are ``support`` (V,) from the scan, in the unit sphere."""
    distance, share = fit.distance / diagonal, float((support <= SUPPORTED * diagonal).mean())
    notes = [f"normals {fit.normals}"] if fit.normals != "none" else []
    if "turn" in options.align:
        notes.append(f"turned by {fit.placement.turn_deg:.0f} degrees")
    if "scale" in options.align:
        notes.append(f"scaled by {fit.placement.scale:.4g}")
    notes.append(f"{100 * distance:.1f} % of its diagonal from the scan")
    notes.append(f"{100 * share:.0f} % of its vertices supported")
    if distance > POOR or share < UNSUPPORTED:
        missing = [part for part in scans.ALIGN if part not in options.align]
        hint = f", or add --align {','.join(missing)}" if missing else ""
        notes.append(
            f"a POOR fit: unless the scan is noisy, check that it shows this category alone, and its axes{hint}"
        )
    return notes


def _colour(model: "Model", fit: "ScanFit", mesh_unit: "trimesh.Trimesh", support: np.ndarray, colour: str) -> None:
    """Colour the vertices of a mesh in the unit sphere; ``support`` (V,) is in diagonals."""
    from template3d.report import colours

    if colour == "support":
        mesh_unit.visual.vertex_colors = colours.of_support(support, GUESSED)  # type: ignore[union-attr]
    if colour == "template":
        from template3d.reconstruction import correspondence

        coordinates = correspondence.template_coordinates(model.decoder, fit.code, mesh_unit.vertices)
        mesh_unit.visual.vertex_colors = colours.of_positions(coordinates)  # type: ignore[union-attr]


def _details(fit: "ScanFit", axes: np.ndarray) -> dict[str, object]:
    """The code, and the map from the scan's frame to the unit sphere, as JSON values."""
    placement = fit.placement
    return {
        "code": fit.code.tolist(),
        "to_unit": {
            "about": "unit = scale * rotation @ point + shift",
            "scale": placement.scale,
            "rotation": (placement.rotation @ axes).tolist(),
            "shift": placement.shift.tolist(),
        },
        "mean_distance_unit": fit.distance,
        "normals": fit.normals,
    }


if __name__ == "__main__":
    main()
