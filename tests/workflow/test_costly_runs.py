"""What is said before anything runs: hours of training that would be lost, and GPUs that are not there."""

import os
import pty
import subprocess

import pytest
import torch
from pipeline import command, copied, snakemake

MODEL = "results/models/planes/embeddings/model.safetensors"
OTHER = {"phase1": {"learning_rate_warp": 0.01}}


@pytest.fixture
def trained(pristine, tmp_path):
    """A folder in which phase 1 of planes took 40 hours."""
    folder = copied(pristine, tmp_path / "folder", link=True)
    benchmark = folder / "results/benchmarks/train_embeddings/planes.tsv"
    header, values = (line.split("\t") for line in benchmark.read_text().splitlines())
    values[header.index("s")] = "144000"
    benchmark.write_text("\t".join(header) + "\n" + "\t".join(values) + "\n")
    return folder


def at_a_terminal(folder, answer, *arguments, over):
    """Run Snakemake with a terminal as its input, on which ``answer`` is typed."""
    terminal, inside = pty.openpty()
    os.write(terminal, answer.encode())
    run = subprocess.run(
        command(folder, *arguments, over=over), stdin=inside, capture_output=True, text=True, check=False, timeout=300
    )
    os.close(terminal)
    os.close(inside)
    return run


def test_a_costly_run_asks_and_no_leaves_everything(trained):
    model = (trained / MODEL).read_bytes()
    run = at_a_terminal(trained, "n\n", "--", MODEL, over=OTHER)
    assert run.returncode != 0
    cost = "this run trains again from scratch what took 40.0 hours: 40.0 h for train_embeddings of planes: "
    assert f"{cost}config phase1.learning_rate_warp" in run.stderr
    assert "nothing was run" in run.stdout + run.stderr
    assert (trained / MODEL).read_bytes() == model


@pytest.mark.parametrize(("answer", "over"), [("y\n", {}), ("", {"confirm": "yes"})])
def test_a_costly_run_goes_on_with_yes(trained, answer, over):
    model = (trained / MODEL).read_bytes()
    run = at_a_terminal(trained, answer, "--", MODEL, over=OTHER | over)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (trained / MODEL).read_bytes() != model


def test_without_a_terminal_the_cost_is_said_only(trained):
    run = snakemake(trained, "--", MODEL, over=OTHER)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "took 40.0 hours" in run.stderr
    run = snakemake(trained, "--", MODEL, over=OTHER | {"confirm": "yes"})
    assert "hours" not in run.stderr


def test_more_epochs_and_a_deleted_model_throw_nothing_away(trained):
    run = snakemake(trained, "--", MODEL, over={"phase1": {"epochs": 5}})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "hours" not in run.stderr
    (trained / MODEL).unlink()
    run = snakemake(trained, "--", MODEL, over={"phase1": {"epochs": 5}})
    assert "hours" not in run.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_missing_gpu_is_said_before_the_data_are_made(trained):
    (trained / "results/data/planes/train-00/sdf.zip").unlink()
    run = snakemake(trained, "--", MODEL, over=OTHER | {"training": {"gpus": 1}})
    assert run.returncode != 0
    assert "training.gpus is 1, but this machine shows 0 GPUs; set training.gpus: 0" in run.stdout + run.stderr
    assert not (trained / "results/data/planes/train-00/sdf.zip").exists()
    run = snakemake(trained, "--", "results/data/planes/train-00/sdf.zip", over={"training": {"gpus": 1}})
    assert run.returncode == 0, run.stdout + run.stderr  # no training, no GPU
