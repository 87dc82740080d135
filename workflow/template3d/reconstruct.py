"""One photo in, one mesh out, without the workflow.

    template3d reconstruct --model results/models/chairs/two_phase photo.jpg -o chair.glb

In Python:

    model = models.load(Path("results/models/chairs/two_phase/model.safetensors"))
    mesh, photo = reconstruct.from_photo(model, Path("photo.jpg"))
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import trimesh

from template3d import files, inference, meshes, models, photos
from template3d.errors import InputError
from template3d.limits import USUAL, Limits
from template3d.training import images

WRITERS = {".glb": meshes.glb_bytes, ".ply": meshes.ply_bytes}


def from_photo(
    model: models.Model, file: Path, resolution: int = 128, coarse: int = 32, limits: Limits = USUAL
) -> tuple[trimesh.Trimesh, photos.Photo]:
    """The mesh, in the unit sphere (y up, front -z), of the object on a photo, and the photo as the encoder saw it.

    The mesh has no faces if the network sees no surface. Raises InputError if the photo cannot be used, or the model
    has no encoder.
    """
    if model.encoder is None:
        raise InputError("this model has no encoder: take two_phase or end_to_end, not embeddings")
    photo = photos.read(file, limits)
    code = model.encode(images.to_tensor(photo.image, model.image_size)[None])
    return inference.meshes_of(model.decoder, code, resolution, coarse)[0], photo


def main(arguments: Sequence[str] | None = None) -> None:
    """Reconstruct one photo from the command line; exits with a sentence where that cannot be done."""
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
        model = models.load(options.model / "model.safetensors")
        mesh, seen = from_photo(model, photo, resolution)
        if not len(mesh.faces):
            raise InputError(f"{photo}: the network sees no surface in it")
        with files.whole(output) as beside:
            beside.write_bytes(WRITERS[output.suffix](mesh))
    except InputError as error:
        sys.exit(f"{error}")
    print(f"{output}: {len(mesh.faces)} triangles; background: {seen.background}")


if __name__ == "__main__":
    main()
