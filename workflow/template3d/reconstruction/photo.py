"""Reconstruction of the object on a photo with one trained model."""

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
    """Reconstruct the object on a photo; returns its mesh and the photo as prepared for the encoder.

    The mesh is in the unit sphere, y up, front towards -z. It has no faces if the network predicts no surface.
    ``resolution`` is the number of cells a side of the finest grid and must be a multiple of ``coarse``, that of the
    coarsest. ``limits`` bounds the photo's bytes and pixels.

    Raises InputError if the model has no encoder, or if the photo is missing, broken or too large, or its mask covers
    almost nothing. Raises ValueError if ``resolution`` is not a multiple of ``coarse``.

    Source: the report's equations (2) to (4).
    """
    if model.encoder is None or model.image_size is None:
        raise InputError("this model has no encoder: use two_phase or end_to_end, not embeddings")
    photo = photos.read(file, limits)
    code = model.encode(images.to_tensor(photo.image, model.image_size, model.crop_to_object)[None])
    return inference.meshes_of(model.decoder, code, resolution, coarse)[0], photo
