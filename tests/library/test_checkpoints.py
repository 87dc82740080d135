"""Training that is killed, stopped, disturbed or shared ends with the same bytes, or says why it does not go on."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import stages
import torch
from safetensors.torch import load_file, save_file
from template3d.runtime.errors import InputError
from template3d.training.checkpoints import Checkpoint
from template3d.training.loop import fit
from template3d.training.stage import Schedule

START = multiprocessing.get_context("forkserver")
START.set_forkserver_preload([f"template3d.training.{name}" for name in stages.STAGES])  # torch is imported once


def begin(stage, folder, **how):
    """Train a stage of stages.py in a process of its own, with a checkpoint after every step."""
    process = START.Process(target=stages.train, args=(stage, folder), kwargs=how)
    process.start()
    return process


def finish(stage, folder, **how):
    process = begin(stage, folder, **how)
    process.join(100)
    assert process.exitcode == 0, (folder / "log.txt").read_text()


def steps(folder):
    """The steps behind the last checkpoint; from its header, in one open, since it may be replaced meanwhile."""
    try:
        with (folder / "checkpoint.safetensors").open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except FileNotFoundError:
        return 0
    return json.loads(header["__metadata__"]["json"])["facts"]["step"]


def logged(folder):
    file = folder / "log.txt"
    return file.read_text() if file.exists() else ""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The result of each stage, trained in one go."""
    found = {}
    for stage in stages.STAGES:
        folder = tmp_path_factory.mktemp(stage)
        finish(stage, folder)
        found[stage] = (folder / "result.safetensors").read_bytes(), (folder / "history.json").read_bytes()
    return found


@pytest.mark.parametrize("stage", stages.STAGES)
def test_a_killed_run_ends_with_the_same_bytes(stage, tmp_path, undisturbed):
    for moment in (1, 3, 6, 7):  # within the first epoch, at its end, and in later ones
        running = begin(stage, tmp_path, slow=0.05)
        while steps(tmp_path) < moment and running.is_alive():
            time.sleep(0.005)
        running.kill()
        running.join()
        assert running.exitcode == -signal.SIGKILL
    finish(stage, tmp_path)
    assert (tmp_path / "log.txt").read_text().count("resumes from epoch") == 4
    assert (tmp_path / "result.safetensors").read_bytes() == undisturbed[stage][0]
    assert (tmp_path / "history.json").read_bytes() == undisturbed[stage][1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_asked_to_stop_writes_a_checkpoint_first(number, tmp_path, undisturbed):
    running = begin("embeddings", tmp_path, minutes=60, slow=0.3)
    while "epochs on" not in logged(tmp_path):
        time.sleep(0.01)
    time.sleep(0.8)
    assert steps(tmp_path) == 0
    start = time.monotonic()
    os.kill(running.pid, number)
    running.join(30)
    assert running.exitcode == 128 + number
    assert time.monotonic() - start < 30
    assert steps(tmp_path) > 0
    assert f"stopped by signal {number:d} at step {steps(tmp_path)}" in logged(tmp_path)
    finish("embeddings", tmp_path)
    assert (tmp_path / "result.safetensors").read_bytes() == undisturbed["embeddings"][0]
    assert (tmp_path / "history.json").read_bytes() == undisturbed["embeddings"][1]


def test_a_checkpoint_of_other_parameters_is_not_gone_on_from(tmp_path, caplog):
    caplog.set_level("INFO")
    mine = Checkpoint(tmp_path / "c.safetensors", 1, settings="a", code="b", data="c")
    assert mine.load() is None
    mine.save({"x": torch.ones(2)}, {"step": 3})
    tensors, facts = mine.load()
    assert torch.equal(tensors["x"], torch.ones(2))
    assert facts == {"step": 3}
    assert Checkpoint(tmp_path / "c.safetensors", 1, settings="a", code="B", data="C").load() is None
    assert "belongs to other code and data; training starts from scratch" in caplog.text
    mine.file.write_bytes(mine.file.read_bytes()[:50])
    assert mine.load() is None
    assert "cannot be read" in caplog.text


def test_a_broken_loss_leaves_the_last_good_checkpoint(tmp_path):
    stage = stages.make("embeddings")
    checkpoint = Checkpoint(tmp_path / "c.safetensors", 0, settings="a")
    fit(stage, Schedule(1, 100), "test", checkpoint)
    good = checkpoint.file.read_bytes()
    stage = stages.make("embeddings")
    stage.samples.tables["neg"][:, 3] = torch.nan
    with pytest.raises(FloatingPointError):
        fit(stage, Schedule(2, 100), "test", checkpoint)
    assert checkpoint.file.read_bytes() == good


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", 0, settings="a")
    checkpoint.save({"x": torch.ones(1)}, {})
    good = checkpoint.file.read_bytes()

    def full(tensors, file, metadata):
        save_file(tensors, file, metadata)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("template3d.training.checkpoints.save_file", full)
    with pytest.raises(InputError, match=r"cannot be written .*No space left.*make room and start again"):
        checkpoint.save({"x": torch.zeros(1)}, {})
    assert checkpoint.file.read_bytes() == good
    assert [file.name for file in tmp_path.iterdir()] == ["c.safetensors"]


def test_weights_that_are_not_finite_are_never_kept(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", 0, settings="a")
    stage = stages.make("embeddings")
    stage.codes.weight.register_hook(lambda gradient: gradient * torch.inf)  # the loss is finite, its gradient is not
    with pytest.raises(FloatingPointError, match=r"weights of codes\.weight are not finite after step 1"):
        fit(stage, Schedule(2, 100), "test", checkpoint)
    assert not checkpoint.file.exists()


def test_no_process_outlives_the_first(tmp_path):
    command = [sys.executable, stages.__file__, "embeddings", tmp_path, "2", "5"]
    first = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 300
    while (
        not (children := [child for child in first.children() if "stages.py" in " ".join(child.cmdline())])
        or not (tmp_path / "checkpoint.safetensors").exists()
    ):
        assert time.monotonic() < end
        assert first.poll() is None
        time.sleep(0.1)
    first.kill()
    _, alive = psutil.wait_procs(children, timeout=4)  # sooner than the next step's end
    assert not alive


@pytest.mark.parametrize("stage", stages.STAGES)
def test_two_processes_give_the_loss_of_one_with_the_same_batch(stage, tmp_path):
    for devices in (1, 2):
        (tmp_path / str(devices)).mkdir()
        command = [sys.executable, stages.__file__, stage, tmp_path / str(devices), str(devices)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
    shares = [set((tmp_path / file).read_text().split()) for file in ("1/shares.0", "2/shares.0", "2/shares.1")]
    assert shares == ([{"2"}, {"1"}, {"1"}] if stage in {"embeddings", "end_to_end"} else [{"4"}, {"2"}, {"2"}])
    one, two = (json.loads((tmp_path / str(devices) / "history.json").read_text()) for devices in (1, 2))
    assert len(one) == len(two) > 1
    for first, second in zip(one, two, strict=True):
        assert first == pytest.approx(second, rel=1e-6)  # eight roundings to float32, in which the history is
    weights = [load_file(tmp_path / str(devices) / "result.safetensors") for devices in (1, 2)]
    for name in weights[0]:
        assert weights[0][name].dtype == (torch.int64 if name.endswith("num_batches_tracked") else torch.float64)
        torch.testing.assert_close(weights[0][name], weights[1][name], rtol=0, atol=1e-9)
