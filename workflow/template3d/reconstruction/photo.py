"""Reconstruction of the object on a photo, or on several, with one trained model."""

from collections.abc import Sequence
from pathlib import Path

import torch
import trimesh
from torch import Tensor

from template3d.data import images, photos
from template3d.networks import models
from template3d.reconstruction import inference
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits


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
    if model.encoder is None:
        raise InputError("this model has no encoder: use two_phase or end_to_end, not embeddings")
    photo = photos.read(file, limits)
    return reconstruct_views(model, [photo], resolution, coarse)[0], photo


def reconstruct_views(
    model: models.Model, views: Sequence[photos.Photo], resolution: int = 128, coarse: int = 32
) -> tuple[trimesh.Trimesh, Tensor]:
    """Reconstruct the one object that all ``views`` show; returns its mesh and its code (L,).

    The mesh is as ``reconstruct_photo`` returns it. The code is the mean of the codes of the views. ``model`` must have
    an encoder.
    """
    assert model.image_size is not None  # a model with an encoder has one
    seen = [images.to_tensor(photo.image, model.image_size, model.crop_to_object) for photo in views]
    code = model.encode(torch.stack(seen)).mean(dim=0)
    return inference.meshes_of(model.decoder, code[None], resolution, coarse)[0], code
