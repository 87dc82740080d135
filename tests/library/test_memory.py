"""Training data go where they fit: onto the GPU beside the step, into free memory, or into files."""

from types import SimpleNamespace

import pytest
import torch
from template3d.data import memory
from template3d.data.memory import Memory

GB = 10**9
BOUNDS = {"gpus": 1, "gpu_gb": "auto", "ram_gb": "auto"}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Sets what is free, in GB, on a pretended machine with one GPU; no control groups."""

    def free(gpu, ram):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (gpu * GB, 80 * GB))
        monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=ram * GB))

    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    free(20, 40)
    return free


@pytest.mark.parametrize(
    ("size", "step", "device"),
    [(10, 5, "cuda:0"), (15, 5, "cuda:0"), (16, 5, "cpu"), (10, 12, "cpu"), (20, 5, "cpu"), (21, 5, None)],
)
def test_data_go_where_they_fit_beside_the_step(machine, size, step, device):
    assert Memory.of(BOUNDS, step * GB).device(size * GB) == device


def test_what_is_free_counts_and_the_configuration_bounds_it(machine):
    assert Memory.of(BOUNDS).device(6 * GB) == "cuda:0"
    assert Memory.of(BOUNDS | {"gpu_gb": 5}).device(6 * GB) == "cpu"
    assert Memory.of(BOUNDS | {"gpu_gb": 5, "ram_gb": 5}).device(6 * GB) is None
    assert Memory.of(BOUNDS | {"gpus": 0}).device(6 * GB) == "cpu"
    machine(gpu=5, ram=40)
    assert Memory.of(BOUNDS).device(6 * GB) == "cpu"
    machine(gpu=5, ram=10)
    assert Memory.of(BOUNDS).device(6 * GB) is None
    machine(gpu=1, ram=40)
    assert Memory.of(BOUNDS | {"gpus": 4}).device(6 * GB) is None  # four processes share the memory


def test_the_limit_of_a_job_counts(machine, tmp_path, monkeypatch):
    """As in a SLURM job: 12 GB, of which 5 GB are used and 1 GB of these are cached files."""
    (tmp_path / "job/step").mkdir(parents=True)
    for file, content in {"max": 12 * GB, "current": 5 * GB, "stat": f"anon 1\ninactive_file {GB}"}.items():
        (tmp_path / f"job/memory.{file}").write_text(f"{content}\n")
    (tmp_path / "job/step/memory.max").write_text("max\n")
    read = memory.Path.read_text
    monkeypatch.setattr(
        memory.Path, "read_text", lambda path: "0::/job/step\n" if str(path) == "/proc/self/cgroup" else read(path)
    )
    assert memory.free_ram() == 12 * GB - 5 * GB + GB - memory.RAM_RESERVE
