"""One photo in, one mesh out, without the workflow.

    template3d reconstruct --model results/models/chairs/two_phase photo.jpg -o chair.glb

In Python:

    from template3d import load_model, reconstruct_photo

    model = load_model(Path("results/models/chairs/two_phase/model.safetensors"))
    mesh, photo = reconstruct_photo(model, Path("photo.jpg"))
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from template3d.networks.models import load_model
from template3d.reconstruction.photo import WRITERS, reconstruct_photo
from template3d.runtime import files
from template3d.runtime.errors import InputError


def main(arguments: Sequence[str] | None = None) -> None:
    """Reconstruct one photo from the command line; on an input error, exit with a sentence."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="template3d reconstruct", description=__doc__, formatter_class=form)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="a folder under results/models/<category>")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .glb or .ply file")
    parser.add_argument("--resolution", type=int, default=128, help="cells a side, a multiple of 32")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    photo, output, resolution = options.photo, options.output, options.resolution
    try:
        if output.suffix not in WRITERS:
            raise InputError(f"{output}: must end with {' or '.join(WRITERS)}")
        if resolution < 32 or resolution % 32:
            raise InputError(f"--resolution is {resolution}, but must be a positive multiple of 32")
        model = load_model(options.model / "model.safetensors")
        mesh, prepared = reconstruct_photo(model, photo, resolution)
        if not len(mesh.faces):
            raise InputError(f"{photo}: the network sees no surface in it")
        with files.whole(output) as beside:
            beside.write_bytes(WRITERS[output.suffix](mesh))
    except InputError as error:
        sys.exit(f"{error}")
    print(f"{output}: {len(mesh.faces)} triangles; background: {prepared.background}")


if __name__ == "__main__":
    main()
