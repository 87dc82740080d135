"""Whatever the user has set, and wherever the project stands: the same results, or one sentence."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pipeline import REPOSITORY, SMALL, snakemake, write_category

VIEWS = "results/data/planes/test-00/easy.zip"
SHOWN = """
import json, os, sys
import bpy, matplotlib.pyplot, numpy, torch
names = ("DISPLAY", "MPLBACKEND", "OCIO", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONWARNINGS")
print("SHOWN", json.dumps({
    "kept": [name for name in names if name in os.environ],
    "backend": matplotlib.pyplot.get_backend(),
    "figure": matplotlib.rcParams["figure.facecolor"],
    "numpy": numpy.__version__,
    "cache": os.environ["XDG_CACHE_HOME"],
    "libraries": os.environ.get("LD_LIBRARY_PATH", ""),
}))
"""


@pytest.fixture
def hostile(tmp_path, monkeypatch) -> Path:
    """A user whose variables break imports or change results; a folder of theirs."""
    folder = tmp_path / "user"
    for file in (
        "numpy/__init__.py",
        "lib/libstdc++.so.6",
        "startup.py",
        "config.ocio",
        ".config/matplotlib/matplotlibrc",
    ):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("figure.facecolor: red\n")
    monkeypatch.setenv("CDPATH", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder / "lib"))
    monkeypatch.setenv("PYTHONSTARTUP", str(folder / "startup.py"))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("OCIO", str(folder / "config.ocio"))
    monkeypatch.setenv("MPLBACKEND", "Qt4Agg")
    monkeypatch.setenv("DISPLAY", "localhost:10.0")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    return folder


def shown(python: Path | str = sys.executable) -> dict:
    run = subprocess.run([python, "-c", SHOWN], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.partition("SHOWN ")[2])


def test_the_users_variables_reach_no_process(hostile):
    found = shown()
    assert found["kept"] == []
    assert str(hostile) not in found["libraries"]
    assert found["backend"].lower() == "agg"
    assert found["figure"] == "white"
    assert found["numpy"] == "1.26.4"


def test_a_folder_with_the_gpus_driver_stays_in_the_search_path(hostile, monkeypatch):
    (hostile / "driver").mkdir()
    (hostile / "driver/libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{hostile / 'lib'}:{hostile / 'driver'}")
    command = [sys.executable, "-c", "import os; print(os.environ['LD_LIBRARY_PATH'])"]
    folders = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().split(":")
    assert str(hostile / "driver") in folders
    assert str(hostile / "lib") not in folders


@pytest.mark.parametrize("home", ["/proc/nowhere", ""])
def test_a_home_that_cannot_be_written_is_not_needed(monkeypatch, tmp_path, home):
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert Path(shown()["cache"]).is_relative_to(Path(sys.prefix).resolve())
    write_category(tmp_path, "planes")
    run = snakemake(tmp_path, "--dry-run", "--", VIEWS, over=SMALL)
    assert run.returncode == 0, run.stderr


def test_the_users_variables_change_no_view(hostile, pristine, tmp_path):
    write_category(tmp_path, "planes")
    run = snakemake(tmp_path, "--", VIEWS, over=SMALL)
    assert run.returncode == 0, run.stderr[-3000:]
    assert (tmp_path / VIEWS).read_bytes() == (pristine / VIEWS).read_bytes()


@pytest.mark.parametrize("name", ["3d (1)", 'it\'s "q" & [x]; ü'])
def test_the_pipeline_runs_in_a_folder_of_any_name(name, pristine, tmp_path):
    """A copy of the project there, which shares the installed packages."""
    project, venv = tmp_path / name, tmp_path / name / ".venv"
    for folder in ("workflow", "scripts", "envs", "resources", "tests/workflow"):
        shutil.copytree(REPOSITORY / folder, project / folder, symlinks=True)
    shutil.copy(REPOSITORY / "config.yaml", project)
    shutil.copy(REPOSITORY / "Snakefile", project)
    (venv / "bin").mkdir(parents=True)
    for part in ("lib", "interpreter", "pyvenv.cfg", "system"):
        (venv / part).symlink_to(Path(sys.prefix).resolve() / part)
    shutil.copy(REPOSITORY / "envs/python.sh", venv / "bin/python")
    (venv / "bin/python").chmod(0o755)
    write_category(project, "planes")
    (project / "over.yaml").write_text(json.dumps(SMALL))
    command = [venv / "bin/python", "-m", "snakemake", "--configfile", "tests/workflow/micro.yaml", "over.yaml"]
    run = subprocess.run([*command, "--cores", "2", "--", VIEWS], cwd=project, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    assert (project / VIEWS).read_bytes() == (pristine / VIEWS).read_bytes()
