"""`snakemake seeds`: whole runs in folders of their own, and the table over them."""

import functools
import operator
import shutil

import pandas as pd
from pipeline import SMALL, copied, snakemake

TWO_SEEDS = SMALL | {"seeds": 2}


def test_each_seed_has_its_run_and_the_table_is_over_all(pristine, tmp_path):
    folder = copied(pristine, tmp_path / "micro")
    shutil.rmtree(folder / "results")
    run = snakemake(folder, "--", "seeds", over=TWO_SEEDS)
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(folder / "results/tables/seeds.csv")
    assert set(table["category"]) == {"planes"}
    assert (table["runs"] == 2).all()
    assert "* planes, two-phase, random: " in run.stdout
    every = sorted(name for part in ("train", "test") for name in (folder / f"planes_{part}.txt").read_text().split())
    for seed in (0, 1):
        lists = [(folder / f"results/seeds/{seed}/planes_{part}.txt").read_text().split() for part in ("train", "test")]
        assert sorted(functools.reduce(operator.iadd, lists, [])) == every
        assert len(lists[1]) == 2
        of_seed = pd.read_csv(folder / f"results/seeds/{seed}/results/tables/table1.csv")
        assert set(of_seed["category"]) == {"planes"}
    models = [folder / f"results/seeds/{seed}/results/models/planes/two_phase/model.safetensors" for seed in (0, 1)]
    before = [file.stat().st_mtime_ns for file in models]
    run = snakemake(folder, "--", "seeds", over=TWO_SEEDS)
    assert run.returncode == 0
    assert (run.stdout + run.stderr).count("Nothing to be done") == 2
    assert [file.stat().st_mtime_ns for file in models] == before
    assert not (folder / "results/models").exists()
