"""The micro pipeline: its meshes, and how to run it."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import yaml
from PIL import Image
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes

REPOSITORY = Path(__file__).resolve().parents[1]
MICRO = REPOSITORY / "tests/workflow/micro.yaml"
SMALL = {
    "categories": {"chairs": None},
    "methods": ["two_phase"],
    "phase2": {"synthetic_shapes": 0},
    "reconstruct": {"views": ["easy"]},
}
"""What makes it smaller still, where it has to run many times."""
SYNSETS = {"chairs": "03001627", "planes": "02691156", "sofas": "04256520"}


TRACER = REPOSITORY / "tests/workflow/tracer.py"


def snakemake(
    folder: Path, *arguments: str, over: dict | None = None, traced: bool = False, repository: Path = REPOSITORY
) -> subprocess.CompletedProcess:
    """Run Snakemake in ``folder`` on the micro configuration, with ``over`` laid over it; its output is text.

    The workflow is that of ``repository``; the jobs import the library of this one. With ``traced``, they record in
    ``folder/calls`` which functions they call (tracer.py).
    """
    arguments = command(folder, *arguments, over=over, repository=repository)
    environment = os.environ | {"NO_COLOR": "1"}
    if traced:
        site, calls = folder / "site", folder / "calls"
        (site / "template3d").mkdir(parents=True)  # or .venv/bin/python removes the folder from PYTHONPATH
        shutil.copy(TRACER, site / "sitecustomize.py")
        calls.mkdir()
        environment |= {"PYTHONPATH": str(site), "TEMPLATE3D_CALLS": str(calls)}
    return subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=1500, check=False)


def command(folder: Path, *arguments: str, over: dict | None = None, repository: Path = REPOSITORY) -> list:
    """The command of ``snakemake``, for a test that starts it itself."""
    overlay = folder / "over.yaml"
    overlay.write_text(yaml.safe_dump(over or {}))
    parts: list = [sys.executable, "-m", "snakemake", "--snakefile", repository / "Snakefile", "--directory", folder]
    parts += [
        "--workflow-profile",
        REPOSITORY / "workflow/profiles/default",
        "--configfile",
        MICRO,
        overlay,
        *arguments,
    ]
    return parts


def write_category(folder: Path, category: str, train: int = 4, test: int = 2) -> list[str]:
    """Write a category's meshes (ShapeNet's layout, under ``meshes``), lists and a photo; the ids, the test's last."""
    shapes = demo_shapes.parameters(category, train + test, seed=0)
    ids = [demo_shapes.shape_id(shape) for shape in shapes]
    for name, shape in zip(ids, shapes, strict=True):
        demo_meshes.write(shape, folder / "meshes" / SYNSETS[category] / name / "models")
    (folder / f"{category}_train.txt").write_text("\n".join(ids[:train]))
    (folder / f"{category}_test.txt").write_text("\n".join(ids[train:]))
    photo = Image.new("RGB", (90, 60), "white")
    photo.paste((40, 90, 200), (30, 20, 60, 50))
    file = folder / "resources/photos" / category / "blue.png"
    file.parent.mkdir(parents=True)
    photo.save(file)
    return ids


def copied(folder: Path, to: Path, link: bool = False) -> Path:
    """A copy of a folder in which the pipeline has run, without its checkpoints, which are large.

    With ``link``, weights are the same files under another name, not to be written into.
    """

    def copy(source: str, target: str) -> None:
        linked = link and source.endswith(".safetensors")
        os.link(source, target) if linked else shutil.copy2(source, target)

    ignore = shutil.ignore_patterns("checkpoints", "tensorboard")
    return Path(shutil.copytree(folder, to, symlinks=True, ignore=ignore, copy_function=copy))


def stop_all_in(folder: Path) -> None:
    """Kill the processes, but for this one, that work in a folder or that name it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and str(folder) in " ".join([process.cwd(), *process.cmdline()]):
                process.kill()
