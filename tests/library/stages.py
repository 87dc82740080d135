"""Every stage of training in miniature, on random data.

As a program (`stages.py STAGE FOLDER DEVICES SECONDS`) it trains a plain stage on several devices, with a pause before
each step.
"""

import json
import logging
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from template3d.data.images import Views
from template3d.data.sample_sets import Samples
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.models import Model
from template3d.networks.projection import Projection
from template3d.training.checkpoints import Checkpoint
from template3d.training.contrastive import ContrastiveSettings, ContrastiveStage
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.end_to_end import EndToEndSettings, EndToEndStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule, Stage

STAGES = ("embeddings", "encoder", "contrastive", "end_to_end")
SIZES = {"code_length": 8, "warp_hidden": 16, "warp_steps": 4, "template_hidden": [32, 32], "dropout": 0.0}
BACKBONE = "shufflenet_v2_x0_5"
"""A backbone with batch statistics, and 33 times fewer weights than ResNet-18."""


def spheres(radii):
    """Exact samples of spheres of some radii."""
    rng = np.random.default_rng(0)
    shapes = []
    for radius in radii:
        points = rng.uniform(-1, 1, size=(4000, 3)).astype(np.float32)
        rows = np.column_stack([points, np.linalg.norm(points, axis=1) - radius]).astype(np.float32)
        shapes.append({"pos": rows[rows[:, 3] >= 0], "neg": rows[rows[:, 3] < 0]})
    return Samples(shapes)


def pictures(shapes=4, views=6):
    """Random images; those of one shape share their left half."""
    torch.manual_seed(0)
    images = torch.randint(0, 256, (shapes * views, 3, 32, 32), dtype=torch.uint8)
    index = torch.arange(shapes * views) // views
    images[..., :16] = torch.randint(0, 256, (shapes, 3, 32, 16), dtype=torch.uint8)[index]
    return Views(images, index)


def sphere_model(radius: float = 0.5) -> Model:
    """A model for which every image shows nearly a sphere of ``radius``; two shapes, ``aaaa`` and ``bbbb``."""
    torch.manual_seed(0)
    decoder = ImplicitTemplate(**SIZES)  # its warp, untrained, hardly moves a point
    adam = torch.optim.Adam(decoder.template.parameters(), lr=1e-2)
    for _ in range(300):
        points = 2 * torch.rand(512, 3) - 1
        points[::2] *= 0.6
        loss = (decoder.template(points) - (points.norm(dim=-1) - radius).clamp(-0.1, 0.1)).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    encoder = Encoder(8, backbone=BACKBONE).eval()
    return Model(decoder.eval(), SIZES, torch.randn(2, 8), ["aaaa", "bbbb"], encoder, 32)


def make(stage: str, plain: bool = False) -> Stage:
    """A stage over four shapes: spheres, and random images of them.

    A ``plain`` stage gives the same result however its batches are shared out: it has no batch statistics and no
    noise, and it computes in float64, in which sums in another order differ by about 1e-15 of their size. Only the
    history is float32.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    shapes = []
    for radius in (0.3, 0.4, 0.5, 0.6):
        points = rng.uniform(-1, 1, size=(2000, 3))
        rows = np.column_stack([points, np.linalg.norm(points, axis=1) - radius]).astype(np.float32)
        shapes.append({"pos": rows[rows[:, 3] >= 0], "neg": rows[rows[:, 3] < 0]})
    views = Views(torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8), torch.arange(16) // 4)
    dropout = 0.1 if stage == "end_to_end" and not plain else 0.0
    decoder, encoder = ImplicitTemplate(8, 16, 4, [16, 16], dropout), Encoder(8, plain, BACKBONE)
    noise = {"colour_jitter": 0.0, "grayscale_probability": 0.0} if plain else {}
    if stage == "embeddings":
        module = EmbeddingStage(decoder, Samples(shapes), EmbeddingSettings(2, 64), LossSettings())
    elif stage == "encoder":
        module = EncoderStage(encoder, views, torch.randn(4, 8), EncoderSettings(4, **noise))
    elif stage == "contrastive":
        module = ContrastiveStage(encoder, Projection(8, 16), views, ContrastiveSettings(batch_size=4, **noise))
    else:
        settings = EndToEndSettings(2, 64, **noise)
        module = EndToEndStage(encoder, decoder, views, Samples(shapes), settings, LossSettings())
    if plain:
        augment = module.double().augment
        module.augment = lambda *batch: tuple(
            part.double() if part.is_floating_point() else part for part in augment(*batch)
        )
    return module


def train(
    stage: str,
    folder: Path,
    minutes: float = 0.0,
    pause: float = 0.0,
    devices: int = 1,
    plain: bool = False,
    epochs: int = 6,
    accelerator: str = "cpu",
) -> None:
    """Train a stage, with a pause in seconds before each step.

    Writes its weights, its history, a log, and the size of each process's part of each batch.
    """
    logging.basicConfig(filename=folder / "log.txt", level="INFO", force=True)
    torch.set_num_threads(1)
    module = make(stage, plain)
    augment, forward = module.augment, module.forward

    def augment_after_pause(*batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        time.sleep(pause)
        return augment(*batch)

    def forward_and_count(epoch: int, *batch: torch.Tensor) -> dict[str, torch.Tensor]:
        with (folder / f"parts.{os.environ.get('LOCAL_RANK', 0)}").open("a") as parts:
            parts.write(f"{len(batch[0])} ")
        return forward(epoch, *batch)

    module.augment, module.forward = augment_after_pause, forward_and_count
    checkpoint = Checkpoint(folder / "checkpoint.safetensors", minutes, settings="a", code="b", data="c")
    history = fit(module, Schedule(epochs, 3, devices=devices, accelerator=accelerator), stage, checkpoint)
    weights = {name: value.contiguous() for name, value in module.state_dict().items()}
    save_file(weights, folder / "result.safetensors")
    (folder / "history.json").write_text(json.dumps(history))


def train_as_rank(rank: int, port: int, *arguments: object, **settings: object) -> None:
    """Train a stage as one of several processes that somebody else started, as torchrun would."""
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_PORT": str(port)}
    train(*arguments, **settings)


if __name__ == "__main__":
    stage, folder, devices, pause = sys.argv[1:]
    train(stage, Path(folder), pause=float(pause), devices=int(devices), plain=True)
