"""From a bare Debian to views, distances and a photo's shape, by the README's commands."""

import os
import shutil
import subprocess

import pytest
from conftest import REPOSITORY
from PIL import Image

IN_CI = pytest.mark.skipif("CI" in os.environ, reason="CI has time for root only")


# root comes last: what it installs, the ordinary user would find
@pytest.mark.parametrize("user", [pytest.param("ordinary", marks=IN_CI), "root"])
def test_set_up_views_distances_and_a_photo(bare, user):
    """Root's libraries are installed; an ordinary user's are unpacked below .venv."""
    folder = bare.root / f"home/ordinary/as {user}"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
    photo = Image.new("RGB", (90, 60), "white")
    photo.paste((40, 90, 200), (30, 20, 60, 50))
    (folder / "resources/photos/chairs").mkdir(parents=True, exist_ok=True)
    photo.save(folder / "resources/photos/chairs/blue.png")
    off = {}
    if user != "root":
        subprocess.run(["chown", "-R", "1000", folder], check=True)
        off = {"UV_CACHE_DIR": "/home/ordinary/cache", "PIP_CACHE_DIR": "/home/ordinary/pip"}

    def run(command: str, **variables: str) -> str:
        done = bare.run(command, user, f"/home/ordinary/as {user}", **variables, **off)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    said = run("make setup")
    assert (folder / ".venv/system").exists() == (user != "root")
    assert ("Installing system libraries (apt-get" in said) == (user == "root")
    snakemake = ".venv/bin/snakemake --configfile tests/bare/bare.yaml"
    run(f"{snakemake} -- results/photos/chairs/photos.csv")
    table = (folder / "results/photos/chairs/photos.csv").read_text()
    assert "blue.png,ok" in table
    assert (folder / "results/data/chairs/train-00/easy.zip").stat().st_size > 0
    scans = '\'sdf={"backend": "mesh_to_sdf"}\''
    run(f"{snakemake} --config {scans} -- results/data/chairs/test-00/sdf.zip")
    log = (folder / "results/logs/sdf/chairs_test-00.log").read_text()
    assert "1 of 1 shapes made, 0 failed" in log
    shutil.rmtree(folder)
