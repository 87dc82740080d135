"""The memory of a training step, computed without running it."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from template3d.networks import DECODER_SIZES
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.embeddings import LossSettings, embedding_terms
from template3d.training.stage import faster_in_bf16


def saved_bytes(forward: Callable[[], object], modules: Iterable[nn.Module] = (), bf16: bool = False) -> int:
    """The bytes that a forward pass keeps for its backward pass, without the parameters of ``modules``.

    Call it in a FakeTensorMode: tensors then have shapes and no content.
    """
    parameters = {_storage(parameter) for module in modules for parameter in module.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[_storage(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16),
    ):
        terms = forward()
    del terms
    return sum(size for storage, size in kept.items() if storage not in parameters)


def decoder_step(sizes: dict, scenes: int, points: int, bf16: bool) -> int:
    """The bytes of a step of phase 1 for a decoder of these sizes (see ``ImplicitTemplate``)."""
    with FakeTensorMode():
        decoder = ImplicitTemplate(**sizes)
        codes = torch.zeros(scenes, decoder.warp.code_length, requires_grad=True)
        batch, distances = torch.zeros(scenes, points, 3), torch.zeros(scenes, points)
        return saved_bytes(
            lambda: embedding_terms(decoder, codes, batch, distances, LossSettings(), epoch=100), [decoder], bf16
        )


def encoder_step(backbone: str, image_size: int, images: int, bf16: bool) -> int:
    """The bytes of a step of an encoder over a batch of images."""
    encoder = Encoder(256, backbone=backbone).train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        batch = torch.zeros(images, 3, image_size, image_size)
        return saved_bytes(lambda: encoder(batch), [encoder], bf16)


def step(section: str, settings: dict, gpus: int) -> int:
    """The bytes of a GPU's memory for a step of a stage, with a tenth to spare; 0 without a GPU.

    ``settings`` are the sections of the configuration that the stage depends on. Parameters, their gradients and Adam's
    averages are not counted: they take less than the tenth.
    """
    if not gpus:
        return 0
    stage = settings[section]
    bf16 = stage["precision"] == "bf16" or (stage["precision"] == "auto" and faster_in_bf16("cuda"))
    total = 0
    if "scenes_per_batch" in stage:
        sizes = {name: settings["phase1"][name] for name in DECODER_SIZES}
        total += decoder_step(sizes, -(-stage["scenes_per_batch"] // gpus), stage["points_per_scene"], bf16)
    if section != "phase1":
        images = {"phase2": 1, "contrastive": 2, "end_to_end": 1}[section]
        images *= stage.get("batch_size", stage.get("scenes_per_batch", 0))
        encoder = settings["encoder"]
        total += encoder_step(encoder["backbone"], encoder["image_size"], -(-images // gpus), bf16)
    return int(1.1 * total)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
