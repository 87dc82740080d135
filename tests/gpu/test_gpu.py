"""The GPU does what the processor does: trainings, checkpoints, samples, meshes, fitted codes, pictures, little memory.

    make test-gpu

Without a GPU all are skipped. TEMPLATE3D_GPU_TESTS=cpu runs those that compare networks on the processor, against
itself: it checks the tests, not the GPU.
"""

import json
import os
import sys
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment, find_free_network_port
from lightning_fabric.strategies import DDPStrategy

sys.path.insert(0, str(Path(__file__).parents[1] / "library"))

import stages
from template3d.data.sample_sets import Samples
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import inference
from template3d.rendering.cameras import View
from template3d.training import loop
from template3d.training.checkpoints import Checkpoint
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.loop import fit
from template3d.training.stage import Schedule, Stage, faster_in_bf16

DEVICE = os.environ.get("TEMPLATE3D_GPU_TESTS", "cuda")
pytestmark = pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="takes a GPU with CUDA")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="takes a GPU with CUDA")

BOUNDS = {"32": 1e-4, "tf32": 5e-3, "bf16": 3e-2}
"""The largest relative difference of a loss, after a few steps, from that of the processor in 32 bits."""


def quiet(name: str) -> Stage:
    """A stage in 32 bits without noise or batch statistics, whose losses depend on rounding alone."""
    stage = stages.make(name, plain=True).float()
    del stage.augment  # the one for 64 bits
    return stage


def losses(name: str, accelerator: str, precision: str = "32", epochs: int = 3, compiled: bool = False) -> list[float]:
    schedule = Schedule(epochs, 100, precision, compiled, accelerator=accelerator)
    return [row["total"] for row in fit(quiet(name), schedule, name)]


@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("name", stages.STAGES)
def test_the_losses_of_every_stage_follow_the_processors(name, precision):
    if precision == "bf16" and not faster_in_bf16(DEVICE):
        pytest.skip("takes a device that is faster in bf16")
    expected, actual = losses(name, "cpu"), losses(name, DEVICE, precision)
    np.testing.assert_allclose(actual, expected, rtol=BOUNDS[precision])


@pytest.mark.parametrize("name", ["embeddings", "end_to_end"])
def test_compiled_and_eager_agree(name):
    np.testing.assert_allclose(losses(name, DEVICE, compiled=True), losses(name, DEVICE), rtol=1e-3)


def train_on_one_card(rank: int, port: int, folder: Path) -> None:
    """Train as one of two processes that share a GPU: by gloo, because NCCL wants a GPU for each."""

    def shared(accelerator: str, devices: int, strategy: str, plugins: list[LightningEnvironment]) -> Fabric:
        assert strategy == "ddp"
        cards = [torch.device(accelerator, 0) if accelerator == "cuda" else torch.device("cpu")] * devices
        return Fabric(strategy=DDPStrategy(None, cards, plugins[0], process_group_backend="gloo"))

    loop.Fabric = shared  # type: ignore[misc,assignment]
    stages.train_as_rank(rank, port, "embeddings", folder, devices=2, plain=True, accelerator=DEVICE)


def test_two_processes_on_one_card_train_as_one(tmp_path):
    alone, together = tmp_path / "1", tmp_path / "2"
    alone.mkdir()
    together.mkdir()
    processes = get_context("spawn")
    arguments = {"devices": 1, "plain": True, "accelerator": DEVICE}
    started = [processes.Process(target=stages.train, args=("embeddings", alone), kwargs=arguments)]
    port = find_free_network_port()
    started += [processes.Process(target=train_on_one_card, args=(rank, port, together)) for rank in range(2)]
    for process in started:
        process.start()
    for process in started:
        process.join(300)
        assert process.exitcode == 0
    one, two = (json.loads((folder / "history.json").read_text()) for folder in (alone, together))
    assert [row["total"] for row in two] == pytest.approx([row["total"] for row in one], rel=1e-6)
    assert {(together / f"parts.{rank}").read_text().split()[0] for rank in range(2)} == {"1"}


@pytest.mark.parametrize(("first", "then"), [("cpu", DEVICE), (DEVICE, "cpu")])
@pytest.mark.parametrize("name", stages.STAGES)
def test_a_training_continues_on_the_other_device(name, first, then, tmp_path):
    def checkpoint() -> Checkpoint:
        return Checkpoint(tmp_path / "checkpoint.safetensors", 100.0, settings="a")

    fit(quiet(name), Schedule(2, 100, accelerator=first), name, checkpoint())
    history = fit(quiet(name), Schedule(4, 100, accelerator=then), name, checkpoint())
    np.testing.assert_allclose([row["total"] for row in history], losses(name, "cpu", epochs=4), rtol=1e-3)


def test_samples_are_drawn_alike_wherever_they_are():
    rng = np.random.default_rng(0)
    shapes = [{side: rng.normal(size=(500, 4)).astype(np.float32) for side in ("pos", "neg")} for _ in range(3)]
    drawn = [
        Samples(shapes, device).draw(torch.tensor([2, 0]), 64, torch.Generator().manual_seed(1))
        for device in (DEVICE, "cpu", None)
    ]
    for points, distances in drawn[1:]:
        assert torch.equal(points.cpu(), drawn[0][0].cpu())
        assert torch.equal(distances.cpu(), drawn[0][1].cpu())


@pytest.mark.parametrize("shapes", [1, 3])
def test_meshes_are_those_of_the_processor(shapes):
    model, codes = stages.sphere_model(), torch.randn(shapes, 8, generator=torch.Generator().manual_seed(0))
    expected = inference.meshes_of(model.decoder, codes, 64, 16)
    actual = inference.meshes_of(model.decoder.to(DEVICE), codes, 64, 16)
    for ours, theirs in zip(actual, expected, strict=True):
        assert len(ours.faces) == pytest.approx(len(theirs.faces), rel=0.01)
        apart = np.linalg.norm(theirs.vertices[:, None] - ours.vertices[None, ::7], axis=2).min(axis=0)
        assert apart.max() < 1e-3


def test_a_fitted_code_is_that_of_the_processor():
    settings = inference.FitSettings(steps=50, points=256)
    fitted = []
    for device in ("cpu", DEVICE):
        decoder, generators = (
            stages.sphere_model().decoder.to(device),
            [torch.Generator().manual_seed(i) for i in (0, 1)],
        )
        fitted.append(inference.fit_codes(decoder, stages.spheres([0.4, 0.6]), settings, generators))
    torch.testing.assert_close(fitted[1], fitted[0], rtol=1e-2, atol=1e-3)


@needs_gpu
def test_a_step_that_does_not_fit_is_computed_in_parts(caplog):
    samples = stages.spheres([0.3, 0.4, 0.5, 0.6])
    stage = EmbeddingStage(
        ImplicitTemplate(8, 512, 8, [256] * 5), samples, EmbeddingSettings(4, 20_000), LossSettings()
    )
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    fit(stage, Schedule(1, 100, accelerator="cuda"), "whole")
    needed, total = torch.cuda.max_memory_allocated(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.7 * needed / total)
    try:
        again = EmbeddingStage(
            ImplicitTemplate(8, 512, 8, [256] * 5), samples, EmbeddingSettings(4, 20_000), LossSettings()
        )
        history = fit(again, Schedule(1, 100, accelerator="cuda"), "parts")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert again.micro_batch in (1, 2)
    assert "the GPU's memory is short; a step goes in parts" in caplog.text
    assert np.isfinite(history[-1]["total"])


@needs_gpu
@pytest.mark.parametrize(("engine", "device"), [("cycles", "cuda"), ("cycles", "optix"), ("eevee", "cpu")])
def test_views_are_those_of_the_processor(engine, device, tmp_path):
    import renders
    from PIL import Image
    from template3d.data.demo import meshes as demo_meshes
    from template3d.data.demo import parameters as demo_shapes
    from template3d.rendering.blender import Studio

    demo_meshes.write(demo_shapes.parameters("chairs", 1, seed=0)[0], tmp_path)
    pictures = []
    for arguments in ({}, {"engine": engine, "device": device}):
        studio = Studio(image_size=128, samples=16, threads=2, **arguments)
        renders.show(studio, tmp_path / "model_normalized.obj")
        studio.render(View(40.0, 20.0, 1.5), tmp_path / "view.png")
        pictures.append(np.asarray(Image.open(tmp_path / "view.png").convert("RGB"), dtype=float))
    assert np.abs(pictures[0] - pictures[1]).mean() < 1
