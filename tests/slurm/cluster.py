"""What the tests ask of the cluster, and how they run the pipeline there."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from pipeline import MICRO, REPOSITORY, SMALL, write_category

PATIENCE = 900
GPUS = Path("/etc/slurm/gpus")
"""Where each job's GPUs are noted, by the task prolog."""
GPU_RULES = ("train_embeddings", "train_encoder", "extract_template", "reconstruct", "fit_codes")


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> object:
    """Wait until ``condition()`` is true; its value."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}\n{state()}"
        time.sleep(0.2)
    return found


def state() -> str:
    """What the cluster says of itself, as far as it still speaks."""

    def said(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    log = re.search(r"^SlurmctldLogFile\s*=\s*(\S+)", said("scontrol", "show", "config"), re.MULTILINE)
    lines = Path(log[1]).read_text().splitlines()[-80:] if log else []
    return "\n".join([said("scontrol", "show", "node"), said("squeue", "--states=all", "-o", "%i %T %r %S %k"), *lines])


def output(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def works(*command: str) -> bool:
    """Whether a command ends well."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def jobs() -> list[dict[str, str]]:
    """All jobs that the cluster knows, finished ones too, each with its rule as ``Rule``."""
    lines = output("scontrol", "show", "job", "--oneliner").splitlines()
    found = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines if line.startswith("JobId=")]
    for job in found:
        job["Rule"] = re.sub(r"^rule_|_wildcards_.*", "", job.get("Comment", ""))
    return sorted(found, key=lambda job: int(job["JobId"]))


def running(rule: str) -> str | None:
    """The id of a job of a rule that runs now."""
    return next((job["JobId"] for job in jobs() if job["Rule"] == rule and job["JobState"] == "RUNNING"), None)


class Runs:
    """The micro pipeline of planes in a folder, through the cluster's profile."""

    def __init__(self, folder: Path) -> None:
        """In a new folder, with the meshes."""
        self.folder = folder
        folder.mkdir(exist_ok=True)
        if not (folder / "meshes").exists():
            write_category(folder, "planes")

    def profile(self, **resources: dict) -> Path:
        """The project's profile, with a GPU for each rule that takes one elsewhere, and further resources by rule."""
        content = yaml.safe_load((REPOSITORY / "workflow/profiles/slurm/config.yaml").read_text())
        for rule in GPU_RULES:
            content["set-resources"][rule]["gpu"] = 1
        for rule, more in resources.items():
            content["set-resources"].setdefault(rule, {}).update(more)
        file = self.folder / "profile/config.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(content))
        return file.parent

    def command(self, *arguments: str, over: dict | None = None, cluster: bool = True, **resources: dict) -> list[str]:
        """What to type."""
        overlay = self.folder / "over.yaml"
        small = SMALL | {"training": {"ram_gb": 0.5}}
        overlay.write_text(yaml.safe_dump(small | (over or {})))
        command = [sys.executable, "-m", "snakemake", "--snakefile", REPOSITORY / "Snakefile"]
        command += ["--directory", self.folder, "--configfile", MICRO, overlay]
        if cluster:
            command += ["--profile", self.profile(**resources), "--seconds-between-status-checks", "2"]
            command += ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5"]
        return list(map(str, [*command, *arguments]))

    def start(self, *arguments: str, **chosen: object) -> subprocess.Popen:
        """Start Snakemake; what it says goes to said.txt."""
        with (self.folder / "said.txt").open("a") as said:
            return subprocess.Popen(self.command(*arguments, **chosen), stdout=said, stderr=said)

    def run(self, *arguments: str, **chosen: object) -> None:
        """Run Snakemake to its end, which must be good."""
        code = self.start(*arguments, **chosen).wait(PATIENCE)
        assert code == 0, self.said()[-6000:]

    def said(self) -> str:
        """All that Snakemake said in this folder so far."""
        return (self.folder / "said.txt").read_text()
