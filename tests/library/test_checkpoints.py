"""Training that is killed, stopped or spread over processes gives the same result, or says why it cannot resume."""

import contextlib
import functools
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
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from safetensors.torch import load_file, save_file
from template3d.runtime.errors import InputError
from template3d.training.checkpoints import Checkpoint
from template3d.training.loop import fit
from template3d.training.stage import Schedule

FORKS = multiprocessing.get_context("forkserver")
# The forkserver imports these once for all processes.
FORKS.set_forkserver_preload(
    ["torchvision.models", "torch._dynamo", "template3d.training.loop"]
    + [f"template3d.training.{name}" for name in stages.STAGES]
)
FAST_FIRST = [stages.STAGES[0], *(pytest.param(stage, marks=pytest.mark.slow) for stage in stages.STAGES[1:])]
"""All stages; make test-fast takes the first one only."""


def begin(stage, folder, **settings):
    """Train a stage of stages.py in its own process, with a checkpoint after every step."""
    process = FORKS.Process(target=stages.train, args=(stage, folder), kwargs=settings)
    process.start()
    return process


def finish(process, folder):
    process.join(100)
    assert process.exitcode == 0, logged(folder)


def steps(folder):
    """The step of the last checkpoint, read from its header in one open, because training may replace the file."""
    try:
        with (folder / "checkpoint.safetensors").open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except FileNotFoundError:
        return 0
    return json.loads(header["__metadata__"]["json"])["facts"]["step"]


def logged(folder):
    file = folder / "log.txt"
    return file.read_text() if file.exists() else ""


def resumed(folder):
    return logged(folder).count("resumes from epoch")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Trains a stage without interruption, once; gives the bytes of its weights and of its history."""

    @functools.cache
    def results(stage):
        folder = tmp_path_factory.mktemp(stage)
        finish(begin(stage, folder), folder)
        return result_bytes(folder)

    return results


def result_bytes(folder):
    return (folder / "result.safetensors").read_bytes(), (folder / "history.json").read_bytes()


@pytest.mark.parametrize("stage", FAST_FIRST)
def test_a_killed_run_ends_with_the_same_bytes(stage, tmp_path, undisturbed):
    for kills, step in enumerate((1, 3, 6, 7)):  # within the first epoch, at its end, and in later ones
        running = begin(stage, tmp_path, pause=0.05)
        # on a busy machine, the process before may have got as far as this one's step
        while (steps(tmp_path) < step or resumed(tmp_path) < kills) and running.is_alive():
            time.sleep(0.01)
        running.kill()
        running.join()
        assert running.exitcode == -signal.SIGKILL
    finish(begin(stage, tmp_path), tmp_path)
    assert resumed(tmp_path) == 4
    assert result_bytes(tmp_path) == undisturbed(stage)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_gets_a_signal_writes_a_checkpoint_first(number, tmp_path, undisturbed):
    running = begin("embeddings", tmp_path, minutes=60, pause=0.3)
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
    finish(begin("embeddings", tmp_path), tmp_path)
    assert result_bytes(tmp_path) == undisturbed("embeddings")


@pytest.mark.parametrize("stage", FAST_FIRST)
def test_more_epochs_continue_and_end_with_the_same_bytes(stage, tmp_path, undisturbed):
    for epochs in (2, 5, 6):
        finish(begin(stage, tmp_path, epochs=epochs), tmp_path)
    assert resumed(tmp_path) == 2
    assert "resumes from epoch 3" in logged(tmp_path)
    assert "resumes from epoch 6" in logged(tmp_path)
    assert result_bytes(tmp_path) == undisturbed(stage)
    finish(begin(stage, tmp_path, epochs=2), tmp_path)  # the state of that epoch is kept
    assert "resumes from epoch 3," in logged(tmp_path).splitlines()[-1]
    fewer = result_bytes(tmp_path)
    (tmp_path / "alone").mkdir()
    finish(begin(stage, tmp_path / "alone", epochs=2), tmp_path / "alone")
    assert result_bytes(tmp_path / "alone") == fewer
    finish(begin(stage, tmp_path), tmp_path)  # so is the last one
    assert "resumes from epoch 7" in logged(tmp_path)
    assert result_bytes(tmp_path) == undisturbed(stage)


def test_fewer_epochs_than_any_kept_state_start_from_scratch(tmp_path, undisturbed):
    finish(begin("embeddings", tmp_path), tmp_path)
    finish(begin("embeddings", tmp_path, epochs=3), tmp_path)
    assert resumed(tmp_path) == 0
    assert "is at epoch 6, beyond the 3 epochs of the configuration, so it is kept as checkpoint." in logged(tmp_path)
    assert "training starts from scratch" in logged(tmp_path)
    finish(begin("embeddings", tmp_path), tmp_path)
    assert result_bytes(tmp_path) == undisturbed("embeddings")


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_checkpoint_of_other_code_is_kept_and_taken_again(tmp_path, caplog):
    caplog.set_level("INFO")

    def checkpoint(code="b", keep=3):
        return Checkpoint(tmp_path / "c.safetensors", 1, keep, settings={"epochs": 3}, code={"losses.pointwise": code})

    def begin(*arguments):
        prepared = checkpoint(*arguments)
        prepared.prepare(epochs=9)
        return prepared.load()

    assert begin() is None
    checkpoint().save({"x": torch.ones(2)}, {"epoch": 4, "step": 30})
    tensors, facts = begin()
    assert torch.equal(tensors["x"], torch.ones(2))
    assert facts == {"epoch": 4, "step": 30}
    assert begin("B") is None
    assert "belongs to other code.losses.pointwise, so it is kept as c." in caplog.text
    assert "training takes it again if you undo that change" in caplog.text
    checkpoint("B").save({"x": torch.zeros(2)}, {"epoch": 2, "step": 10})
    assert begin()[1]["step"] == 30  # the change is undone
    assert begin("B")[1]["step"] == 10
    for code in "CDEF":
        assert begin(code) is None
        checkpoint(code).save({"x": torch.zeros(2)}, {"epoch": 1, "step": ord(code)})
    assert len(names(tmp_path)) == 1 + 3
    assert "deleted, because training.keep_checkpoints is 3" in caplog.text
    assert begin("D")[1]["step"] == ord("D")
    assert begin("B", 0) is None
    assert names(tmp_path) == []


def test_a_damaged_checkpoint_is_set_aside(tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", 1, code="b")
    checkpoint.save({"x": torch.ones(2)}, {"step": 3})
    checkpoint.file.write_bytes(checkpoint.file.read_bytes()[:50])
    checkpoint.prepare(epochs=9)
    assert checkpoint.load() is None
    assert "damaged (" in caplog.text
    assert names(tmp_path) == ["c.safetensors.damaged"]


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


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", 0, settings="a")
    stage = stages.make("embeddings")
    stage.codes.weight.register_hook(lambda gradient: gradient * torch.inf)  # the loss is finite, its gradient is not
    with pytest.raises(FloatingPointError, match=r"weights of codes\.weight are not finite after step 1"):
        fit(stage, Schedule(2, 100), "test", checkpoint)
    assert not checkpoint.file.exists()


def is_rank(process):
    """Whether a process is one of training, and not a helper of PyTorch, which may have ended already."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return "stages.py" in " ".join(process.cmdline())
    return False


@pytest.mark.slow
def test_no_process_outlives_the_first(tmp_path):
    """The only test in which Fabric itself starts the second process."""
    pause = 3
    command = [sys.executable, stages.__file__, "embeddings", tmp_path, "2", str(pause)]
    first = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 300
    while not ((children := list(filter(is_rank, first.children()))) and steps(tmp_path)):
        assert time.monotonic() < end
        assert first.poll() is None
        time.sleep(0.1)
    first.kill()
    _, alive = psutil.wait_procs(children, timeout=pause - 1)  # before the next step ends
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]  # ended, but nobody waited


@pytest.mark.parametrize("stage", FAST_FIRST)
def test_two_processes_give_the_loss_of_one_with_the_same_batch(stage, tmp_path):
    alone, together = tmp_path / "1", tmp_path / "2"
    alone.mkdir()
    together.mkdir()
    processes = [begin(stage, alone, plain=True)]
    port = find_free_network_port()
    for rank in range(2):
        arguments = {"args": (rank, port, stage, together), "kwargs": {"devices": 2, "plain": True}}
        processes.append(FORKS.Process(target=stages.train_as_rank, **arguments))
        processes[-1].start()
    for process, folder in zip(processes, (alone, together, together), strict=True):
        finish(process, folder)
    parts = [set(file.read_text().split()) for file in (alone / "parts.0", together / "parts.0", together / "parts.1")]
    assert parts == ([{"2"}, {"1"}, {"1"}] if stage in {"embeddings", "end_to_end"} else [{"4"}, {"2"}, {"2"}])
    one, two = (json.loads((folder / "history.json").read_text()) for folder in (alone, together))
    assert len(one) == len(two) > 1
    for first, second in zip(one, two, strict=True):
        assert first == pytest.approx(second, rel=1e-6)  # eight roundings to float32, in which the history is
    weights = [load_file(folder / "result.safetensors") for folder in (alone, together)]
    for name in weights[0]:
        assert weights[0][name].dtype == (torch.int64 if name.endswith("num_batches_tracked") else torch.float64)
        torch.testing.assert_close(weights[0][name], weights[1][name], rtol=0, atol=1e-9)
