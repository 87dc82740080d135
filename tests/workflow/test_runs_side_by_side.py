"""What only asks leaves another run in the same folder alone."""

import signal
import subprocess
import time

import pytest
from pipeline import command, copied, snakemake, stop_all_in

LONG = {"phase1": {"epochs": 100000}}
MODEL = "results/models/planes/embeddings/model.safetensors"


@pytest.fixture
def at_work(pristine, tmp_path):
    """A folder in which Snakemake trains, and will for long."""
    folder = copied(pristine, tmp_path / "folder", link=True)
    running = subprocess.Popen(
        command(folder, "--", MODEL, over=LONG), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    log = folder / "results/logs/train_embeddings/planes.log"
    log.unlink()
    while not log.exists() or "epochs on" not in log.read_text():
        assert running.poll() is None
        time.sleep(0.1)
    yield folder, running
    running.send_signal(signal.SIGTERM)
    stop_all_in(folder)
    running.wait(60)


def state(folder):
    """The locks of a folder, what runs there, and its results, but for those of the training at work."""
    kept = [*(folder / ".snakemake/locks").iterdir(), *(folder / ".snakemake/incomplete").rglob("*")]
    results = [file for file in (folder / "results").rglob("*") if file.is_file()]
    at_work = ("tensorboard", "checkpoints", "train_embeddings", "why", "logs")
    return sorted(map(str, kept)), {
        str(file): file.stat().st_mtime_ns for file in results if not any(name in str(file) for name in at_work)
    }


def test_questions_change_nothing_and_take_no_lock(at_work):
    folder, running = at_work
    before = state(folder)
    assert any("lock" in name for name in before[0])
    for arguments in (["-n"], ["--summary"], ["--lint"], ["--", "why"]):
        run = snakemake(folder, *arguments, over=LONG)
        assert run.returncode == 0, run.stdout + run.stderr
        assert state(folder) == before
    run = snakemake(folder, "--unlock", over=LONG)
    assert run.returncode != 0
    assert "another Snakemake runs in this folder; stop it before you unlock the folder" in run.stdout + run.stderr
    assert state(folder) == before
    run = snakemake(folder, "--", MODEL, over=LONG)
    assert "LockException" in run.stdout + run.stderr
    assert state(folder) == before
    assert running.poll() is None
