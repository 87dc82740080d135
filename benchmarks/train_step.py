"""How fast a step of phase 1 is, beside the plain formulation, at the paper's network sizes.

    .venv/bin/python benchmarks/train_step.py
    .venv/bin/python benchmarks/train_step.py --curves docs/images/precision.png

The plain formulation is the published one: code and point concatenated for every point (N x 259), an LSTM cell from a
zero state, the template called once for each of the four stages, 32-bit floats. Same weights, same batch, same loss.
`--curves` also trains both precisions on demo chairs and draws their losses. The last line is JSON.
"""

import argparse
import copy
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import trimesh
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.data.sample_sets import Samples
from template3d.geometry import meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.warp import STAGES
from template3d.report import figures
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings, embedding_terms
from template3d.training.loop import COMPILER, fit
from template3d.training.stage import Schedule
from torch.utils.flop_counter import FlopCounterMode

PAPER = {"code_length": 256, "warp_hidden": 512, "warp_steps": 8, "template_hidden": [256] * 5, "dropout": 0.0}
EPOCH = 200
LARGEST_DIFFERENCE = 1e-10
"""Of the two formulations' losses, relative, in float64: it rounds to 1e-16, sums of 1e4 terms to 1e-12 at worst."""


class Plain(torch.nn.Module):
    """The published formulation, on the weights of an ImplicitTemplate."""

    def __init__(self, ours: ImplicitTemplate) -> None:
        """Share the weights."""
        super().__init__()
        self.ours = ours

    def forward(self, codes: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As ImplicitTemplate's."""
        warp, shape = self.ours.warp, points.shape
        codes = codes[:, None].expand(-1, shape[1], -1).reshape(-1, codes.shape[1])
        points = points.reshape(-1, 3)
        hidden = cell = points.new_zeros(len(points), warp.lstm.hidden_size)
        warped, distances = [], []
        for step in range(1, warp.steps + 1):
            hidden, cell = warp.lstm(torch.cat([codes, points], dim=1), (hidden, cell))
            scale, shift = warp.affine(hidden).split(3, dim=-1)
            points = (1 + scale) * points + shift
            if step % (warp.steps // STAGES) == 0:
                warped.append(points.view(shape))
                distances.append(self.ours.template(warped[-1]))
        return torch.stack(warped), torch.stack(distances)


def main() -> None:
    """Measure, in one run, in turns."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--scenes", type=int, default=4)
    arguments.add_argument("--points", type=int, default=1000)
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments.add_argument("--compile", action="store_true", help="compile ours")
    arguments.add_argument("--curves", type=Path, help="also train in both precisions, and draw the losses here")
    options = arguments.parse_args()
    torch.manual_seed(0)
    ours = ImplicitTemplate(**PAPER).to(options.device)
    torch.nn.init.normal_(ours.warp.affine.weight, std=0.02)  # as if trained: the warp moves points
    batch = (
        0.06 * torch.randn(options.scenes, PAPER["code_length"]),
        2 * torch.rand(options.scenes, options.points, 3) - 1,
        0.2 * torch.rand(options.scenes, options.points) - 0.1,
    )
    batch = [part.to(options.device) for part in batch]
    plain = Plain(ours)
    fast = torch.compile(ours, options=COMPILER) if options.compile else ours
    variants = {"plain, 32": (plain, False), "ours, 32": (fast, False), "ours, bf16": (fast, True)}
    for variant in variants.values():
        step(*variant, batch)  # warm up
    seconds = {name: [] for name in variants}
    for _ in range(options.repeats):
        for name, variant in variants.items():
            start = time.monotonic()
            step(*variant, batch)
            seconds[name].append(time.monotonic() - start)
    best = {name: float(np.median(values)) for name, values in seconds.items()}
    count = options.scenes * options.points
    print(f"{options.scenes} x {options.points} points on {options.device}, {torch.get_num_threads()} threads")
    print("| step | ms | points a second | share of a matrix product's speed |\n| --- | ---: | ---: | ---: |")
    for name, (decoder, short) in variants.items():
        with FlopCounterMode(display=False) as counter:
            step(plain if decoder is plain else ours, short, batch)
        share = counter.get_total_flops() / best[name] / product_speed(options.device, short)
        print(f"| {name} | {1000 * best[name]:.0f} | {count / best[name]:,.0f} | {100 * share:.0f} % |")
    print(f"memory: {peak_megabytes(options.device):.0f} MB at most")
    result = {
        "speedup_fp32": round(best["plain, 32"] / best["ours, 32"], 2),
        "speedup_bf16": round(best["plain, 32"] / best["ours, bf16"], 2),
        "loss_difference": loss_difference(ours, batch),
        "points_per_second": round(count / best["ours, bf16"]),
    }
    if options.curves:
        result |= curves(options.curves)
    print(json.dumps(result))
    if not result["loss_difference"] <= LARGEST_DIFFERENCE:
        raise SystemExit(f"the two formulations differ by more than {LARGEST_DIFFERENCE}")


def step(decoder: Callable, short: bool, batch: list[torch.Tensor]) -> float:
    """Loss and gradients, in bf16 if ``short``; the loss."""
    codes = batch[0].clone().requires_grad_()
    with torch.autocast(codes.device.type, torch.bfloat16, enabled=short):
        total = embedding_terms(decoder, codes, *batch[1:], LossSettings(), EPOCH)["total"]
    total.backward()
    if codes.device.type == "cuda":
        torch.cuda.synchronize()
    return total.item()


def loss_difference(ours: ImplicitTemplate, batch: list[torch.Tensor], points: int = 100) -> float:
    """How far the losses of both formulations are apart, relative, in float64, on some points of each shape."""
    exact, (codes, *of_points) = copy.deepcopy(ours).double(), batch
    batch = [codes.double(), *(part[:, :points].double() for part in of_points)]
    plain = step(Plain(exact), False, batch)
    return abs(plain - step(exact, False, batch)) / abs(plain)


def product_speed(device: str, short: bool, side: int = 2048) -> float:
    """Floating point operations a second of a large matrix product: what the chip really gives."""
    matrix = torch.randn(side, side, device=device, dtype=torch.bfloat16 if short else torch.float32)
    seconds = []
    for _ in range(4):
        start = time.monotonic()
        matrix @ matrix
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.monotonic() - start)
    return 2 * side**3 / min(seconds)


def peak_megabytes(device: str) -> float:
    """The most memory held so far."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def curves(file: Path, shapes: int = 8, epochs: int = 300) -> dict[str, float]:
    """Train demo chairs in both precisions from the same start, and draw their losses; the last ones."""
    held = []
    for shape in demo_shapes.parameters("chairs", shapes, seed=0):
        mesh = trimesh.util.concatenate([part.mesh for part in demo_meshes.build(shape)])
        mesh = meshes.transformed(mesh, Normalization.of(mesh).to_unit(mesh.vertices))
        held.append(sdf.sample_sdf(mesh, 20_000, np.random.default_rng(0)))
    histories, last = {}, {}
    for precision in ("32", "bf16"):
        torch.manual_seed(0)
        decoder = ImplicitTemplate(32, 96, 4, [96] * 5)
        stage = EmbeddingStage(decoder, Samples(held), EmbeddingSettings(shapes, 256, 4e-3, 2e-3, 1e-2), LossSettings())
        history = pd.DataFrame(fit(stage, Schedule(epochs, 100, precision), precision))
        histories[f"precision {precision}"] = (history, ("total", "reconstruction"))
        last[f"last_reconstruction_{precision}"] = float(history["reconstruction"].tail(20).mean())
    figures.loss_curves(file, histories, "The same training in both precisions")
    return last


if __name__ == "__main__":
    main()
