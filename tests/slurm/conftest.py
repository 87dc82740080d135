"""A real SLURM of one node, brought up for these tests and stopped after them."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import GPUS, output, until, works

NEEDED = ("slurmctld", "slurmd", "munged", "runuser")
CONFIGURATION = Path("/etc/slurm")
OURS = "# A SLURM of one node for the tests"


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[None]:
    """The cluster: one node with two processors and one pretended GPU."""
    lacking = [program for program in NEEDED if not shutil.which(program)]
    if os.geteuid() or lacking:
        pytest.skip(f"needs root and slurm-wlm and munge ({', '.join(lacking) or 'not root'})")
    written = CONFIGURATION / "slurm.conf"
    if written.exists() and not written.read_text().startswith(OURS):
        pytest.skip(f"{written} is another cluster's")
    folder, host = tmp_path_factory.mktemp("slurm"), socket.gethostname()
    for name in ("state", "spool"):
        (folder / name).mkdir()
    CONFIGURATION.mkdir(exist_ok=True)
    template = (Path(__file__).parent / "slurm.conf").read_text()
    written.write_text(template.replace("{folder}", str(folder)).replace("{host}", host))
    (CONFIGURATION / "gres.conf").write_text(f"NodeName={host} Name=gpu File=/dev/null\n")
    prolog = CONFIGURATION / "prolog.sh"
    prolog.write_text(f'#!/bin/sh\necho >>{GPUS} "$SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-}}"\n')
    prolog.chmod(0o755)
    started = []
    if not works("munge", "-n"):
        Path("/run/munge").mkdir(exist_ok=True)
        shutil.chown("/run/munge", "munge", "munge")
        started.append(subprocess.Popen(["runuser", "-u", "munge", "--", "munged", "--foreground", "--force"]))
        until(lambda: works("munge", "-n"), "munged", 20)
    for daemon in (["slurmctld", "-D", "-c"], ["slurmd", "-D", "-c", "-N", host]):
        with (folder / f"{daemon[0]}.said").open("w") as said:
            started.append(subprocess.Popen(daemon, stdout=said, stderr=said))
    try:
        until(lambda: works("sinfo") and output("sinfo", "-h", "-o", "%T").split() == ["idle"], "slurm", 60)
        yield
    finally:
        if works("sinfo"):
            subprocess.run(["scancel", "--signal=KILL", "--user=root"], check=False)
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        for file in (written, CONFIGURATION / "gres.conf", prolog, GPUS):
            file.unlink(missing_ok=True)
