"""One photo in, one mesh out, without the workflow.

    python -m template3d.reconstruct --model results/models/chairs/two_phase photo.jpg -o chair.glb

In Python:

    model = models.load(Path("results/models/chairs/two_phase/model.safetensors"))
    mesh, photo = reconstruct.from_photo(model, Path("photo.jpg"))
"""

import argparse
import logging
import sys
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


def main() -> None:
    """Reconstruct one photo from the command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("photo", type=Path)
    arguments.add_argument("--model", type=Path, required=True, help="a folder under results/models/<category>")
    arguments.add_argument("-o", "--output", type=Path, required=True, help="a .glb or .ply file")
    arguments.add_argument("--resolution", type=int, default=128, help="cells a side, a multiple of 32")
    asked = arguments.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    try:
        if asked.output.suffix not in WRITERS:
            raise InputError(f"{asked.output}: must end with {' or '.join(WRITERS)}")
        if asked.resolution % 32:
            raise InputError(f"--resolution is {asked.resolution}, but must be a multiple of 32")
        model = models.load(asked.model / "model.safetensors")
        mesh, photo = from_photo(model, asked.photo, asked.resolution)
        if not len(mesh.faces):
            raise InputError(f"{asked.photo}: the network sees no surface in it")
        with files.whole(asked.output) as beside:
            beside.write_bytes(WRITERS[asked.output.suffix](mesh))
    except InputError as error:
        sys.exit(f"{error}")
    print(f"{asked.output}: {len(mesh.faces)} triangles; background: {photo.background}")


if __name__ == "__main__":
    main()
