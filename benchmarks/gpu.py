"""What one GPU does with the paper's sizes, in ten minutes: a table for docs/performance.md, and JSON in the last line.

    .venv/bin/python benchmarks/gpu.py --curve gpu_loss.png --picture gpu_chairs.png

Points a second of phase 1 in each precision, eager and compiled, the last one also with CUDA graphs; images a second of
phase 2; seconds for a mesh at 256^3; views a second of Cycles; a training of demo chairs for three minutes, its loss
curve and a picture of its shapes; and by these figures, the hours of the paper's run of chairs. `--device cpu --small`
tries the program itself, in three minutes, where there is no GPU. What could not be measured says why.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import trimesh
import yaml
from render import views_per_second, write_shapes
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.data.sample_sets import Samples
from template3d.geometry import meshes, sdf
from template3d.geometry.normalization import Normalization
from template3d.networks import losses
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import inference
from template3d.rendering import previews
from template3d.report import figures
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings, terms_in_parts
from template3d.training.loop import fit
from template3d.training.stage import Schedule, faster_in_bf16
from train_step import PAPER, product_speed

SMALL = {"code_length": 16, "warp_hidden": 16, "warp_steps": 4, "template_hidden": [16], "dropout": 0.0}
EPOCH = 200
OPERATIONS_A_POINT = 52e6
"""Of the paper's networks, forward and backward (docs/performance.md)."""
CHAIRS = 3281
"""Training shapes of chairs in the paper's run, each with VIEWS views."""
VIEWS = 100
PAPERS_RUN = Path(__file__).parents[1] / "resources/shapenet_paper.yaml"
COMPILED = {"": None, ", compiled": "default", ", CUDA graphs": "reduce-overhead"}
"""Modes of torch.compile, by what a row says."""


def main() -> None:
    """Measure one after the other; a failure is a row, not the end."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", default="cuda")
    arguments.add_argument("--small", action="store_true", help="tiny networks, for a try")
    arguments.add_argument("--minutes", type=float, default=3.0, help="of the training")
    arguments.add_argument("--curve", type=Path, help="the PNG file of the training's loss")
    arguments.add_argument("--picture", type=Path, help="the PNG file of some of its shapes")
    options = arguments.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("there is no GPU with CUDA here; --device cpu --small tries the program without one")
    chip = torch.cuda.get_device_name() if options.device == "cuda" else "processor"
    result: dict[str, Any] = {"chip": chip, "torch": torch.__version__}
    print(f"{chip}, PyTorch {torch.__version__}\n\n| what | figure |\n| --- | ---: |")
    for name, measure in measures(options):
        start = time.monotonic()
        try:
            result[name], words = measure()
        except Exception as error:  # a card may lack memory, OptiX or a compiler; the next figures still count
            result[name], words = None, f"not measured: {type(error).__name__}: {str(error).splitlines()[0]}"
        print(f"| {name} | {words} ({time.monotonic() - start:.0f} s) |", flush=True)
    result["hours of the paper's run of chairs"] = hours(result)
    for stage, value in result["hours of the paper's run of chairs"].items():
        print(f"| {stage} of the paper's run of chairs: hours, by the fastest figures above | {value:.1f} |")
    print(json.dumps(result))


def hours(result: dict[str, Any]) -> dict[str, float]:
    """The hours of each stage of the paper's run of chairs, by the fastest points and images a second in ``result``.

    They leave out what waits for data, and the loss of contrastive pretraining, which costs little.
    """
    paper = yaml.safe_load(PAPERS_RUN.read_text())
    points, images = (
        max((rate for name, rate in result.items() if name.startswith(stage) and rate), default=float("nan"))
        for stage in ("phase 1", "phase 2")
    )
    shapes = {stage: CHAIRS * paper[stage]["epochs"] for stage in ("phase1", "end_to_end")}
    of_points = {stage: shapes[stage] * paper[stage]["points_per_scene"] / points / 3600 for stage in shapes}
    views = {stage: CHAIRS * VIEWS * paper[stage]["epochs"] / images / 3600 for stage in ("phase2", "contrastive")}
    return views | of_points | {"end_to_end": of_points["end_to_end"] + shapes["end_to_end"] / images / 3600}


def measures(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], tuple[Any, str]]]]:
    """The name of each measurement, and a function that returns its value and its words."""
    precisions = ["32", "tf32", *(["bf16"] if faster_in_bf16(options.device) else [])]
    for words, mode in COMPILED.items():
        graphs = mode == "reduce-overhead"
        for precision in precisions[-1:] * (options.device == "cuda") if graphs else precisions:
            name = f"phase 1, {precision}{words}: points a second"
            yield name, lambda precision=precision, mode=mode: phase1(options, precision, mode)
    for precision in precisions:
        yield f"phase 2, {precision}: images a second", lambda precision=precision: phase2(options, precision)
    yield "isosurface at 256^3: seconds a shape", lambda: isosurface(options)
    for device in ("cuda", "optix") if options.device == "cuda" else ("cpu",):
        yield f"Cycles, {device}: views a second", lambda device=device: views(options, device)
    yield f"training of 64 demo chairs for {options.minutes:g} minutes: reconstruction loss", lambda: training(options)


def sizes(options: argparse.Namespace) -> dict:
    """The sizes of the decoder."""
    return SMALL if options.small else PAPER


def phase1(options: argparse.Namespace, precision: str, mode: str | None) -> tuple[float, str]:
    """Points a second of the paper's step (24 x 5,000), in as few parts as fit."""
    scenes, points = (4, 100) if options.small else (24, 5000)
    set_precision(precision)
    decoder = ImplicitTemplate(**sizes(options)).to(options.device).train()
    adam = torch.optim.Adam(decoder.parameters(), 5e-4, fused=True)
    batch = [
        0.06 * torch.randn(scenes, decoder.warp.code_length, device=options.device),
        2 * torch.rand(scenes, points, 3, device=options.device) - 1,
        0.2 * torch.rand(scenes, points, device=options.device) - 0.1,
    ]
    terms = torch.compile(terms_in_parts, mode=mode) if mode else terms_in_parts
    part = scenes

    def step() -> None:
        with torch.autocast(options.device, torch.bfloat16, enabled=precision == "bf16"):
            total = terms(decoder, *batch, LossSettings(), EPOCH, part)["total"]
        adam.zero_grad()
        total.backward()
        adam.step()

    while True:
        try:
            step()
            break
        except torch.OutOfMemoryError:
            if part == 1:
                raise
            part //= 2
            torch.cuda.empty_cache()
    rate = scenes * points / seconds_of(step, options)
    operations = 0.0 if options.small else rate * OPERATIONS_A_POINT
    share = operations / product_speed(options.device, precision == "bf16", 4096)
    memory = torch.cuda.max_memory_allocated() / 1e9 if options.device == "cuda" else 0.0
    used = f"{memory:.0f} GB; parts of {part} shapes"
    return rate, f"{rate:,.0f}; {100 * share:.0f} % of a matrix product's speed; {used}"


def phase2(options: argparse.Namespace, precision: str) -> tuple[float, str]:
    """Images a second of an encoder's step, with the paper's ResNet-18, 224 pixels and 512 images."""
    count, size = (4, 32) if options.small else (512, 224)
    set_precision(precision)
    encoder = Encoder(256).to(options.device).train()
    adam = torch.optim.Adam(encoder.parameters(), 1e-3, fused=True)
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, device=options.device)
    codes = torch.zeros(count, 256, device=options.device)

    def step() -> None:
        with torch.autocast(options.device, torch.bfloat16, enabled=precision == "bf16"):
            total = losses.code_l1(encoder(images), codes)
        adam.zero_grad()
        total.backward()
        adam.step()

    rate = count / seconds_of(step, options)
    return rate, f"{rate:,.0f}; an epoch of chairs ({CHAIRS * VIEWS:,} views) takes {CHAIRS * VIEWS / rate:.0f} s"


def isosurface(options: argparse.Namespace) -> tuple[float, str]:
    """Seconds a shape for eight shapes at once, of a decoder that was fitted to a sphere."""
    resolution, coarse, shapes = (32, 8, 2) if options.small else (256, 64, 8)
    decoder = ImplicitTemplate(**sizes(options)).to(options.device)
    adam = torch.optim.Adam(decoder.template.parameters(), 1e-2 if options.small else 1e-3)
    for _ in range(500):
        points = 2 * torch.rand(4096, 3, device=options.device) - 1
        points[::2] *= 0.6
        error = (decoder.template(points) - (points.norm(dim=1) - 0.5).clamp(-0.1, 0.1)).abs().mean()
        adam.zero_grad()
        error.backward()
        adam.step()
    codes = 0.06 * torch.randn(shapes, decoder.warp.code_length, device=options.device)
    start = time.monotonic()
    extracted = inference.meshes_of(decoder.eval(), codes, resolution, coarse)
    seconds = (time.monotonic() - start) / shapes
    if not all(len(mesh.faces) for mesh in extracted):
        raise RuntimeError("the decoder did not learn the sphere")
    return seconds, f"{seconds:.2f}; {np.mean([len(mesh.faces) for mesh in extracted]):,.0f} triangles"


def views(options: argparse.Namespace, device: str) -> tuple[float, str]:
    """Views a second of one process, at the paper's 224 pixels."""
    with tempfile.TemporaryDirectory() as folder:
        shapes = write_shapes(Path(folder), 1 if options.small else 4)
        rate = views_per_second(shapes, 2 if options.small else 50, threads=2, device=device)
    return rate, f"{rate:.0f}"


def training(options: argparse.Namespace) -> tuple[float, str]:
    """The last reconstruction loss of a training of ``options.minutes``, its curve and a picture of its shapes."""
    shapes, points = (4, 64) if options.small else (64, 5000)
    held = []
    for shape in demo_shapes.parameters("chairs", shapes, seed=0):
        mesh = trimesh.util.concatenate([part.mesh for part in demo_meshes.build(shape)])
        mesh = meshes.transformed(mesh, Normalization.of(mesh).to_unit(mesh.vertices))
        held.append(sdf.sample_sdf(mesh, 2000 if options.small else 100_000, np.random.default_rng(0), directions=40))
    precision = "bf16" if faster_in_bf16(options.device) else "32"

    def trained(epochs: int) -> tuple[EmbeddingStage, pd.DataFrame, float]:
        torch.manual_seed(0)
        settings = EmbeddingSettings(min(shapes, 16), points, 2e-3, 1e-3, 5e-3)
        stage = EmbeddingStage(
            ImplicitTemplate(**sizes(options)), Samples(held, options.device), settings, LossSettings()
        )
        start = time.monotonic()
        schedule = Schedule(epochs, max(1, epochs // 3), precision, accelerator=options.device)
        return stage, pd.DataFrame(fit(stage, schedule, "64 chairs")), time.monotonic() - start

    *_, seconds = trained(3)
    epochs = max(4, round(60 * options.minutes / (seconds / 3)))
    stage, history, seconds = trained(epochs)
    if options.curve:
        figures.loss_curves(options.curve, {f"64 chairs, {precision}": (history, ("reconstruction",))}, "phase 1")
    if options.picture:
        codes = stage.codes.weight.detach()[:: max(1, shapes // 6)]
        made = inference.meshes_of(stage.decoder.eval(), codes, *((32, 8) if options.small else (256, 64)))
        shaded = [np.repeat(previews.shaded(mesh, 320, 42.0)[..., None], 3, axis=2) for mesh in made]
        figures.picture_rows(options.picture, {"": shaded}, [f"chair {index}" for index in range(len(shaded))])
    loss = float(history["reconstruction"].tail(10).mean())
    first = float(history["reconstruction"].iloc[0])
    return loss, f"{loss:.5f}, from {first:.5f}; {epochs} epochs in {seconds:.0f} s"


def set_precision(precision: str) -> None:
    """As the training loop does."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def seconds_of(step: Callable[[], None], options: argparse.Namespace, at_least: float = 3.0) -> float:
    """The mean seconds of a step, over so many seconds, after three steps that do not count."""
    at_least = 0.2 if options.small else at_least
    for _ in range(3):
        step()
    synchronize(options.device)
    start, count = time.monotonic(), 0
    while time.monotonic() - start < at_least:
        step()
        count += 1
        synchronize(options.device)
    return (time.monotonic() - start) / count


def synchronize(device: str) -> None:
    """Wait for the GPU."""
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
