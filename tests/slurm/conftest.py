"""A real SLURM of one node, brought up for these tests and stopped after them."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import GPUS, output, until, works
from pipeline import stop_all_in

NEEDED = ("slurmctld", "slurmd", "munged", "runuser")
CONFIGURATION = Path("/etc/slurm")
OURS = "# A SLURM of one node for the tests"


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[None]:
    """The cluster: one node with two processors and one pretended GPU."""
    lacking = [program for program in NEEDED if not shutil.which(program)]
    if os.geteuid() or lacking:
        skip(f"needs root and slurm-wlm and munge ({', '.join(lacking) or 'not root'})")
    folder, host = tmp_path_factory.mktemp("slurm"), socket.gethostname()
    configuration = (Path(__file__).parent / "slurm.conf").read_text()
    files = {
        "slurm.conf": configuration.replace("{folder}", str(folder)).replace("{host}", host),
        "gres.conf": f"{OURS}\nNodeName={host} Name=gpu File=/dev/null\n",
        "prolog.sh": f'#!/bin/sh\n{OURS}\necho >>{GPUS} "$SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-}}"\n',
    }
    for name in files:
        if (CONFIGURATION / name).exists() and OURS not in (CONFIGURATION / name).read_text():
            skip(f"{CONFIGURATION / name} is another cluster's")
    with contextlib.ExitStack() as undo:
        CONFIGURATION.mkdir(exist_ok=True)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        for name, content in files.items():
            (CONFIGURATION / name).write_text(content)
            undo.callback((CONFIGURATION / name).unlink)
        undo.callback(GPUS.unlink, missing_ok=True)
        (CONFIGURATION / "prolog.sh").chmod(0o755)

        def start(*daemon: str) -> None:
            with (folder / f"{daemon[0]}.said").open("w") as said:
                process = subprocess.Popen(daemon, stdout=said, stderr=said)
            undo.callback(stop, process)

        if not works("munge", "-n"):
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", "munge", "munge")
            start("runuser", "-u", "munge", "--", "munged", "--foreground", "--force")
            until(lambda: works("munge", "-n"), "munged", 20)
        start("slurmctld", "-D", "-c")
        start("slurmd", "-D", "-c", "-N", host)
        undo.callback(stop_all_in, folder.parent)  # processes of lost nodes; a real SLURM has cgroups for that
        undo.callback(works, "scancel", "--signal=KILL", "--user=root")
        until(lambda: works("sinfo") and output("sinfo", "-h", "-o", "%T").split() == ["idle"], "slurm", 60)
        yield


def skip(reason: str) -> None:
    """Skip, or fail where it is promised (in CI) that these tests can run."""
    (pytest.fail if os.environ.get("CI_HAS_SLURM") else pytest.skip)(reason)


def stop(process: subprocess.Popen) -> None:
    """Stop a daemon, by force if need be."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
