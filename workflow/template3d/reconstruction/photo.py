"""From a photo to a mesh, with one trained model."""

from pathlib import Path

import trimesh

from template3d.data import images, photos
from template3d.geometry import meshes
from template3d.networks import models
from template3d.reconstruction import inference
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

WRITERS = {".glb": meshes.glb_bytes, ".ply": meshes.ply_bytes}


def reconstruct_photo(
    model: models.Model, file: Path, resolution: int = 128, coarse: int = 32, limits: Limits = USUAL
) -> tuple[trimesh.Trimesh, photos.Photo]:
    """The mesh, in the unit sphere (y up, front -z), of the object on a photo, and the photo as the encoder saw it.

    The mesh has no faces if the network sees no surface. Raises InputError if the photo cannot be used, or the model
    has no encoder.
    """
    if model.encoder is None or model.image_size is None:
        raise InputError("this model has no encoder: take two_phase or end_to_end, not embeddings")
    photo = photos.read(file, limits)
    code = model.encode(images.to_tensor(photo.image, model.image_size)[None])
    return inference.meshes_of(model.decoder, code, resolution, coarse)[0], photo
