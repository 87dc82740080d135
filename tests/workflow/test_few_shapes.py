"""A category with few training shapes, whose encoder also learns from synthetic shapes."""

import json

from pipeline import copied, snakemake
from template3d.data import archives, synthetic
from template3d.jobs.synthetic_views import VIEWS_OF_KIND

MODEL = "results/models/planes/two_phase/model.safetensors"
FEW = {"phase2": {"synthetic_shapes": 5}}
"""There are four training planes."""


def test_phase_2_learns_from_synthetic_shapes(pristine, tmp_path):
    folder = copied(pristine, tmp_path / "micro")
    run = snakemake(folder, "--", MODEL, over=FEW)
    assert run.returncode == 0, run.stdout + run.stderr
    shapes, views = (folder / f"results/models/planes/synthetic/{name}.zip" for name in ("shapes", "views"))
    assert list(synthetic.codes([shapes], [views])) == synthetic.names(5)
    assert len(archives.names(views)) == 5 * 2 * VIEWS_OF_KIND
    images = 4 * (3 + 2) + len(archives.names(views))
    assert f"{images} views" in (folder / "results/logs/train_encoder/planes.log").read_text()
    planes = (folder / "planes_train.txt").read_text().split()
    assert json.loads((folder / MODEL).with_suffix(".json").read_text())["shapes"] == planes
    assert (folder / MODEL).read_bytes() != (pristine / MODEL).read_bytes()

    again = snakemake(folder, "--dry-run", "--", MODEL, over=FEW)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_enough_shapes_need_none(pristine, tmp_path):
    folder = copied(pristine, tmp_path / "micro")
    run = snakemake(folder, "--dry-run", "--", MODEL, over={"phase2": {"synthetic_shapes": 4}})
    assert "Nothing to be done" in run.stdout + run.stderr
