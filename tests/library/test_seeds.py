"""Runs with several seeds: their configurations, their splits, and what their tables say together."""

import copy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from template3d.evaluation import seeds
from template3d.jobs.seeds import SeedRuns, configured, parted
from template3d.runtime import configuration
from template3d.runtime.errors import InputError

REPOSITORY = Path(__file__).parents[2]
SHAPES = {"chairs": {"train": list("abcdefgh"), "test": ["x", "y"]}}


@pytest.fixture
def config():
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    lists = {"shards": 1, "train": "chairs.txt", "test": {"url": "https://a.org/b.txt", "sha256": "0" * 64}}
    return config | {"shapenet": "meshes", "categories": {"chairs": lists}}


def tables(differences) -> dict[int, pd.DataFrame]:
    """Table 1 of runs in which retrieval has 1 and two-phase is better or worse by ``differences``."""
    labels = {"category": "chairs", "views": "fixed", "measure": "chamfer_shapenet_x1000"}
    return {
        seed: pd.DataFrame(
            [
                labels | {"method": "two_phase", "mean": 1 + difference, "difference": difference},
                labels | {"method": "nearest_code", "mean": 1.0, "difference": np.nan},
                labels | {"method": "two_phase", "measure": "iou", "mean": 9.0, "difference": 9.0},
            ]
        )
        for seed, difference in enumerate(differences)
    }


def test_a_run_has_its_own_seed_and_lists_and_the_paths_of_the_first_one(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("results/seeds/3")
    address = f"https://a.org/chairs.zip#sha256={64 * '0'}"
    own = {"photos": "my photos", "photo_models": {"chairs": "chairs_model", "sofas": address}}
    changed = configured(config | own, SHAPES, folder)
    assert changed["photo_models"] == {"chairs": str(tmp_path / "chairs_model"), "sofas": address}
    assert changed["seed"] == 3
    assert changed["shapenet"] == str(tmp_path / "meshes")
    assert changed["photos"] == str(tmp_path / "my photos")
    assert changed["encoder"]["weights"] == "none"
    lists = {split: Path(changed["categories"]["chairs"][split]).read_text().split() for split in ("train", "test")}
    assert lists == parted(SHAPES["chairs"], 3)
    del changed["photo_models"]["sofas"]
    configuration.check(changed, yaml.safe_load((REPOSITORY / "workflow/schemas/config.schema.yaml").read_text()))
    assert config["seed"] == 0


def test_as_many_other_shapes_are_left_out():
    first, second = parted(SHAPES["chairs"], 0), parted(SHAPES["chairs"], 1)
    for part in (first, second):
        assert len(part["test"]) == 2
        assert sorted([*part["train"], *part["test"]]) == sorted("abcdefghxy")
    assert first["test"] != second["test"]
    assert parted({"train": [], "test": ["x"]}, 0) == {"test": ["x"]}


@pytest.mark.parametrize("change", [{"shapenet": "demo"}, {"categories": {"chairs": {"shards": 1, "test_share": 0.5}}}])
def test_what_the_seed_splits_by_itself_gets_no_lists(config, change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed = configured(config | change, SHAPES, Path("results/seeds/3"))
    assert changed["categories"] == (config | change)["categories"]


def test_a_published_phase_1_cannot_be_split_again(config, tmp_path):
    published = copy.deepcopy(config)
    published["phase1"]["from"] = "chairs_dit"
    with pytest.raises(InputError, match=r"phase1.from is chairs_dit.*set it to null"):
        configured(published, SHAPES, tmp_path / "0")


def test_on_a_cluster_the_commands_are_printed(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = SeedRuns(Path("Snakefile"), config, SHAPES, 2)
    with pytest.raises(InputError, match="start each run by itself") as error:
        runs.refuse_to_run_here([Path("results/seeds/0"), Path("results/seeds/1")])
    assert f"{sys.executable} -m snakemake --snakefile Snakefile --directory results/seeds/1 " in str(error.value)
    assert yaml.safe_load(Path("results/seeds/1/config.yaml").read_text())["seed"] == 1


def test_a_run_that_fails_is_named_with_its_command(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"results/seeds/0: this run failed.*--directory results/seeds/0"):
        SeedRuns(Path("no Snakefile"), config, SHAPES, 1).run(Path("results/seeds/0"))


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([-0.30, -0.31, -0.29], "better, beyond luck: -0.3 [-0.325, -0.275], better in 3 of 3 runs"),
        ([0.30, 0.31, 0.29], "worse, beyond luck: +0.3 [+0.275, +0.325], better in 0 of 3 runs"),
        ([-0.30, 0.20, -0.10], "no more than luck: -0.0667 [-0.692, +0.558], better in 2 of 3 runs"),
    ],
)
def test_the_words_follow_from_the_interval_over_the_runs(differences, verdict):
    table = seeds.summary(tables(differences))
    row = table[table["method"] == "two_phase"].iloc[0]
    assert row["mean"] == pytest.approx(1 + np.mean(differences))
    assert row["std"] == pytest.approx(np.std(differences, ddof=1))
    assert (row["lowest"], row["highest"]) == pytest.approx((1 + min(differences), 1 + max(differences)))
    assert f"* chairs, two-phase, fixed: {verdict}" in seeds.markdown(table, 3)
