"""The micro pipeline on a real cluster: the same results as on one machine, whatever happens on the way."""

import re
import subprocess
import time
import zipfile
from pathlib import Path

import psutil
import pytest
from cluster import GPU_RULES, GPUS, PATIENCE, Runs, jobs, output, running, until
from pipeline import copied

MODEL = "results/models/planes/embeddings/model.safetensors"
CHECKPOINT = "results/checkpoints/planes/embeddings.safetensors"
LOG = "results/logs/train_embeddings/planes.log"
LONG = {"phase1": {"epochs": 8000}, "training": {"ram_gb": 0.5, "checkpoint_minutes": 0.05}}
"""A training long enough to be disturbed."""


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Runs:
    """The pipeline, run without a cluster."""
    runs = Runs(tmp_path_factory.mktemp("local"))
    runs.run(cluster=False)
    return runs


@pytest.fixture(scope="module")
def clustered(slurm, tmp_path_factory) -> Runs:
    """The pipeline, run through the cluster."""
    runs = Runs(tmp_path_factory.mktemp("clustered"))
    runs.run()
    return runs


@pytest.fixture(scope="module")
def undisturbed(local, tmp_path_factory) -> bytes:
    """The model of the long training."""
    runs = Runs(copied(local.folder, tmp_path_factory.mktemp("undisturbed") / "run"))
    runs.run("--", MODEL, over=LONG, cluster=False)
    return (runs.folder / MODEL).read_bytes()


@pytest.fixture
def begun(clustered, tmp_path) -> Runs:
    """A copy of the finished pipeline, in which the long training can be run."""
    return Runs(copied(clustered.folder, tmp_path / "run"))


def products(folder: Path) -> dict[str, bytes]:
    """What must be the same wherever it was made: all but times."""
    found = {}
    for pattern in ("data/**/*.zip", "models/**/*.safetensors", "templates/**/*.ply", "tables/[!.]*"):
        for file in sorted((folder / "results").glob(pattern)):
            found[str(file.relative_to(folder))] = file.read_bytes()
    for file in (folder / "results/reconstructions").rglob("*.zip"):
        with zipfile.ZipFile(file) as archive:
            meshes = [name for name in archive.namelist() if name.endswith(".ply")]
            found |= {f"{file.relative_to(folder)}/{name}": archive.read(name) for name in meshes}
    return found


def told(job: str, folder: Path) -> str:
    """What a job printed."""
    return "".join(file.read_text() for file in (folder / "results/logs/slurm").rglob(f"*{job}*"))


def test_the_results_are_those_of_one_machine(local, clustered):
    here, there = products(local.folder), products(clustered.folder)
    assert len(here) > 15
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


def test_gpu_jobs_had_a_gpu_one_at_a_time_and_no_other_job_had_one(clustered):
    seen = dict(line.split(" ", 1) for line in GPUS.read_text().splitlines())
    times, rules = [], set()
    for job in jobs():
        if job["WorkDir"] != str(clustered.folder):
            continue
        rules.add(job["Rule"])
        assert job["JobState"] == "COMPLETED"
        assert bool(seen[job["JobId"]]) == (job["Rule"] in GPU_RULES) == (job["Partition"] == "gpu")
        if job["Rule"] in GPU_RULES:
            times.append((job["StartTime"], job["EndTime"]))
    assert rules >= {*GPU_RULES, "sdf", "render", "evaluate"}
    assert not rules & {"table1", "failures", "all"}  # these ran where Snakemake does
    assert all(end <= start for (_, end), (start, _) in zip(sorted(times), sorted(times)[1:], strict=False))


def under_way(runs: Runs, process: subprocess.Popen, rule: str = "train_embeddings") -> str:
    """The id of a job of a rule, once it runs; the long training's, once it has written a checkpoint too."""

    def found() -> str | None:
        assert process.poll() is None, f"the run ended without {rule}:\n{runs.said()[-6000:]}"
        return running(rule)

    job = until(found, f"a job of {rule}")
    if rule == "train_embeddings":
        until((runs.folder / CHECKPOINT).exists, "its checkpoint")
    return job


def attempts(first: str) -> list[dict]:
    """The training's jobs from one on."""
    return [job for job in jobs() if job["Rule"] == "train_embeddings" and int(job["JobId"]) >= int(first)]


@pytest.mark.parametrize("how", ["cancelled", "out of time"])
def test_a_training_that_was_stopped_is_tried_again_and_goes_on(begun, undisturbed, how):
    process = begun.start("--", MODEL, over=LONG)
    first = under_way(begun, process)
    if how == "cancelled":
        output("scancel", first)
    else:  # its time is over in less than two minutes: the profile has it told so
        end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 100))
        output("scontrol", "update", f"jobid={first}", f"endtime={end}")
    assert process.wait(PATIENCE) == 0
    if how == "cancelled":
        assert f"SLURM-job '{first}' failed, SLURM status is: '" in begun.said()
    step = re.search(r"stopped by signal 15 at step (\d+)", told(first, begun.folder))[1]
    assert re.search(rf"resumes from epoch \d+, step {step}", (begun.folder / LOG).read_text())
    assert (begun.folder / MODEL).read_bytes() == undisturbed
    before, after = attempts(first)
    assert before["JobState"] == {"cancelled": "CANCELLED", "out of time": "FAILED"}[how]
    assert memory(after) == 2 * memory(before)


def memory(job: dict) -> float:
    """What a job asks for, in gigabytes."""
    number, unit = re.fullmatch(r"([\d.]+)([MG])", job["MinMemoryNode"]).groups()
    return float(number) / {"M": 1024, "G": 1}[unit]


def steps() -> list[psutil.Process]:
    """The processes of SLURM under which jobs run."""
    return [process for process in psutil.process_iter(["name"]) if process.info["name"] == "slurmstepd"]


def test_a_node_that_goes_down_stops_nothing_for_good(begun, undisturbed):
    node = output("hostname").strip()

    def lose_node() -> None:
        output("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        until(lambda: not steps(), "its jobs' end")  # a node that comes back beside them is drained
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=False)  # it may be so already
        until(lambda: output("sinfo", "-h", "-o", "%T").split() == ["idle"], "the node")
        for job in jobs():
            if job["JobState"] == "PENDING":  # SLURM lets it wait two minutes
                subprocess.run(["scontrol", "update", f"jobid={job['JobId']}", "starttime=now"], check=False)

    views = "results/data/planes/train-00/easy.zip"
    before = (begun.folder / views).read_bytes()
    (begun.folder / views).unlink()
    process = begun.start("--", views)
    under_way(begun, process, "render")
    time.sleep(4)
    lose_node()
    assert process.wait(PATIENCE) == 0
    assert (begun.folder / views).read_bytes() == before
    process = begun.start("--", MODEL, over=LONG)
    under_way(begun, process)
    lose_node()
    assert process.wait(PATIENCE) == 0
    assert (begun.folder / MODEL).read_bytes() == undisturbed


def test_a_killed_snakemake_is_started_again_beside_its_own_jobs(begun, undisturbed):
    chosen = {"over": LONG, "train_embeddings": {"gpu": 0, "slurm_partition": "cpu"}}  # so that two could run at once
    arguments = ("--slurm-keep-successful-logs", "--", MODEL)
    process = begun.start(*arguments, **chosen)
    first = under_way(begun, process)
    process.kill()
    process.wait()
    assert begun.start(*arguments, **chosen).wait(PATIENCE) == 0
    assert (begun.folder / MODEL).read_bytes() == undisturbed
    left, mine = attempts(first)
    assert left["JobState"] == mine["JobState"] == "COMPLETED"
    assert "already runs this job; waiting for it" in told(mine["JobId"], begun.folder)
    assert "resumes from epoch 8001" in (begun.folder / LOG).read_text()  # it took over what the other had made


def test_a_job_over_its_memory_asks_for_more(begun):
    samples = "results/data/planes/train-00/sdf.zip"
    before = (begun.folder / samples).read_bytes()
    (begun.folder / samples).unlink()
    begun.run("--", samples, sdf={"mem_mb": "250 * attempt"})
    assert (begun.folder / samples).read_bytes() == before
    tried = [job for job in jobs() if job["Rule"] == "sdf" and job["WorkDir"] == str(begun.folder)]
    assert len(tried) > 1
    assert all("exceeded memory limit" in told(job["JobId"], begun.folder) for job in tried[:-1])
