"""One run of the micro pipeline, shared by the tests of the workflow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
MICRO = REPOSITORY / "tests/workflow/micro.yaml"


def snakemake(folder: Path, *arguments: str, over: dict | None = None) -> subprocess.CompletedProcess:
    """Run Snakemake in ``folder`` on the micro configuration, with ``over`` laid over it; its output is text."""
    overlay = folder / "over.yaml"
    overlay.write_text(yaml.safe_dump(over or {}))
    command = [sys.executable, "-m", "snakemake", "--snakefile", REPOSITORY / "Snakefile", "--directory", folder]
    command += [
        "--workflow-profile",
        REPOSITORY / "workflow/profiles/default",
        "--configfile",
        MICRO,
        overlay,
        *arguments,
    ]
    environment = os.environ | {"NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1500, check=False)


@pytest.fixture(scope="session")
def micro(tmp_path_factory) -> Path:
    """A folder in which the micro pipeline has run through."""
    folder = tmp_path_factory.mktemp("micro")
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-5000:]
    return folder
