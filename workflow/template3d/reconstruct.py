"""One photo in, one mesh out, without the workflow.

    template3d reconstruct --model results/models/chairs/two_phase photo.jpg -o chair.glb

In Python:

    from template3d import load_model, reconstruct_photo

    model = load_model(Path("results/models/chairs/two_phase/model.safetensors"))
    mesh, photo = reconstruct_photo(model, Path("photo.jpg"))
"""

import argparse
import contextlib
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from template3d.networks.models import load_model
from template3d.reconstruction.photo import WRITERS, reconstruct_photo
from template3d.runtime import files
from template3d.runtime.errors import InputError

MOST_CELLS = 512
"""The highest resolution, as of ``isosurface.resolution`` in the configuration: 513^3 values take 0.5 GB a copy."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reconstruct one photo from the command line; on an input error, exit with a sentence."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="template3d reconstruct", description=__doc__, formatter_class=form)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="a folder results/models/<category>/<method>")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .glb or .ply file")
    parser.add_argument(
        "--resolution", type=int, default=128, help=f"cells a side, a multiple of 32 up to {MOST_CELLS}"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    photo, output, resolution = options.photo, options.output, options.resolution
    try:
        if output.suffix not in WRITERS:
            raise InputError(f"{output}: must end with {' or '.join(WRITERS)}")
        if resolution not in range(32, MOST_CELLS + 1, 32):
            raise InputError(f"--resolution is {resolution}, but must be a multiple of 32 from 32 to {MOST_CELLS}")
        _check_writable(output)
        model = load_model(_weights(options.model))
        mesh, prepared = reconstruct_photo(model, photo, resolution)
        if not len(mesh.faces):
            raise InputError(f"{photo}: the network sees no surface in it")
        with _named(output), files.whole(output) as beside:
            beside.write_bytes(WRITERS[output.suffix](mesh))
    except InputError as error:
        sys.exit(f"{error}")
    print(f"{output}: {len(mesh.faces)} triangles; background: {prepared.background}")


def _check_writable(output: Path) -> None:
    """Raise InputError if a file cannot be written, before a network computes its content."""
    with _named(output):
        if output.is_dir():
            raise IsADirectoryError("is a folder; add the name of a file")
        if any(folder.is_file() for folder in output.parents):
            raise NotADirectoryError("a part of its path is a file")
        output.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output.parent).close()


@contextlib.contextmanager
def _named(output: Path) -> Iterator[None]:
    """Turn an error of the file system into an InputError that names ``output``."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written ({error.strerror or error}); give another path after -o"
        ) from error


def _weights(model: Path) -> Path:
    """The weights of a model, from its folder or from the file itself; raises InputError if there are none."""
    weights = model.with_suffix(".safetensors") if model.is_file() else model / "model.safetensors"
    if weights.is_file():
        return weights
    if not model.is_dir():
        raise InputError(
            f"--model is {model}, but that is no folder with a model; .venv/bin/snakemake trains models into "
            "results/models/<category>/<method>"
        )
    depths = ("*", "*/*", "*/*/*")
    inner = [file.parent for depth in depths for file in sorted(model.glob(f"{depth}/model.safetensors"))]
    with_encoder = [str(folder.relative_to(model)) for folder in inner if _has_encoder(folder)]
    hint = (
        f"its methods are {', '.join(with_encoder)}: add one to the path" if with_encoder else "nor a folder with one"
    )
    raise InputError(f"--model: there is no model.safetensors in {model}; {hint}")


def _has_encoder(folder: Path) -> bool:
    try:
        return "backbone" in json.loads((folder / "model.json").read_bytes())
    except (OSError, ValueError):  # a model that is not complete
        return False


if __name__ == "__main__":
    main()
