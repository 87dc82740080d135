"""The GPU's path without a GPU: on fake tensors, which have a device and a shape but no content.

A tensor on another device than the network fails here as it would on a GPU. Fake tensors have no backward pass.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import stages
import torch
import trimesh
from template3d.data.images import Views
from template3d.geometry import isosurface
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import inference
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

REPOSITORY = Path(__file__).parents[2]
PAPER = {"code_length": 256, "warp_hidden": 512, "warp_steps": 8, "template_hidden": [256] * 5, "dropout": 0.05}


def moved(module: nn.Module) -> nn.Module:
    """A module whose parameters and buffers are fake tensors on a GPU; call it in a FakeTensorMode."""
    for part in module.modules():
        for table in (part._parameters, part._buffers):
            for name, value in table.items():
                if value is not None:
                    fake = torch.empty_strided(value.size(), value.stride(), dtype=value.dtype, device="cuda")
                    is_parameter = isinstance(value, nn.Parameter)
                    table[name] = nn.Parameter(fake, value.requires_grad) if is_parameter else fake
    return module


@contextlib.contextmanager
def fake_gpu(module: nn.Module) -> Iterator[FakeTensorMode]:
    with FakeTensorMode() as mode:
        moved(module)
        yield mode


@pytest.mark.parametrize("name", stages.STAGES)
def test_a_step_of_each_stage_stays_on_the_gpu(name):
    stage = stages.make(name).train()
    batch = next(iter(stage.batches(1, torch.Generator().manual_seed(0))))
    with fake_gpu(stage):
        on_gpu = [torch.empty(part.shape, dtype=part.dtype, device="cuda") for part in batch]
        terms = stage.forward(1, *stage.augment(*on_gpu))
        assert {value.device.type for value in terms.values()} == {"cuda"}


@pytest.mark.parametrize("name", ["encoder", "end_to_end"])
def test_held_out_shapes_go_to_the_gpu(name):
    stage = stages.make(name)
    if name == "encoder":
        stage.held_out = torch.arange(4)
    else:
        stage.validating = stage._batch(torch.tensor([1, 2]), torch.Generator().manual_seed(0))
    with fake_gpu(stage.eval()) as mode, torch.no_grad():
        if name == "encoder":
            stage.views = Views(*map(mode.from_tensor, stage.views))
            stage.held_out = mode.from_tensor(stage.held_out)
        else:
            stage.validating = tuple(map(mode.from_tensor, stage.validating))
        assert {value.device.type for value in stage.validation().values()} == {"cuda"}


def test_a_tensor_that_stays_behind_is_noticed():
    stage = stages.make("embeddings")
    batch = next(iter(stage.batches(1, torch.Generator().manual_seed(0))))
    with fake_gpu(stage):
        shapes, distances = (torch.empty(batch[part].shape, dtype=batch[part].dtype, device="cuda") for part in (0, 2))
        with pytest.raises(RuntimeError, match="found at least two devices, cpu and cuda:0"):
            stage.forward(1, shapes, torch.empty(batch[1].shape), distances)


@pytest.mark.parametrize("shapes", [1, 3])
def test_the_queries_of_a_mesh_go_to_the_gpu(shapes, monkeypatch):
    decoder, queries = ImplicitTemplate(**stages.SIZES).eval(), []

    def reconstruct_all(distances, count, resolution, coarse, batch):
        values = distances(torch.zeros(6, 3), torch.zeros(6, dtype=torch.long))
        queries.append((count, values.device.type, tuple(values.shape), batch))
        return [trimesh.Trimesh()] * count

    monkeypatch.setattr(isosurface, "reconstruct_all", reconstruct_all)
    with fake_gpu(decoder), torch.no_grad():
        inference.meshes_of(decoder, torch.zeros(shapes, 8), 16, 8)
    assert queries == [(shapes, "cuda", (6,), inference.POINTS_AT_ONCE)]


def test_a_code_is_fitted_on_the_gpu(monkeypatch):
    decoder, samples = ImplicitTemplate(**stages.SIZES).eval(), stages.spheres([0.3, 0.5])
    drawn = [samples.draw(torch.tensor([index]), 8, torch.Generator().manual_seed(0)) for index in (0, 1)]
    devices = set()

    def gradient(loss, inputs):
        devices.update(tensor.device.type for tensor in (loss, *inputs))
        return tuple(map(torch.zeros_like, inputs))

    monkeypatch.setattr(torch.autograd, "grad", gradient)
    with fake_gpu(decoder) as mode:
        fakes = [tuple(map(mode.from_tensor, pair)) for pair in drawn]
        monkeypatch.setattr(samples, "draw", lambda shape, count, generator: fakes[0])
        monkeypatch.setattr(torch, "randn", lambda *size, generator: torch.zeros(*size))
        monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: tensor)  # fake tensors cannot be copied back
        settings = inference.FitSettings(steps=2, points=8)
        codes = inference._fit(decoder, samples, torch.zeros(2), settings, [torch.Generator(), torch.Generator()])
        assert codes.shape == (2, 8)
    assert devices == {"cuda"}


def test_a_point_of_the_papers_network_costs_what_the_documentation_says():
    decoder, points = ImplicitTemplate(**PAPER), 1000
    with fake_gpu(decoder), FlopCounterMode(display=False) as counter:
        decoder(torch.zeros(1, 256, device="cuda"), torch.zeros(1, points, 3, device="cuda"))
    per_point = counter.get_total_flops() / points
    assert per_point == pytest.approx(17.4e6, rel=0.03)
    said = (REPOSITORY / "docs/performance.md").read_text()
    assert "forward 17.4" in said


def test_rules_that_use_a_gpu_ask_for_it_and_no_others_do():
    rules = "\n".join(file.read_text() for file in (REPOSITORY / "workflow/rules").glob("*.smk"))
    asking = {}
    for rule in re.split(r"^rule ", rules, flags=re.MULTILINE)[1:]:
        if script := re.search(r"scripts/(\w+)\.py", rule):
            asking[script[1]] = 'gpu=TRAINING["gpus"]' in rule
    using = {
        script: "cuda" in text or "Training(" in text
        for script in asking
        for text in [(REPOSITORY / f"scripts/{script}.py").read_text()]
    }
    assert asking == using
