"""A category that the model of another one reconstructs (`evaluate.models`)."""

import json

import pandas as pd
import pytest
from pipeline import copied, snakemake

MODELS = {"evaluate": {"models": {"planes": "chairs"}}}
TARGETS = [f"results/{name}" for name in ("tables/table1.csv", "pictures/planes.png", "pictures/planes_codes.png")]


@pytest.fixture(scope="module")
def micro(pristine, tmp_path_factory):
    """The micro pipeline, whose planes the model of chairs has reconstructed."""
    folder = copied(pristine, tmp_path_factory.mktemp("held_out") / "micro")
    run = snakemake(folder, "--", *TARGETS, over=MODELS)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def test_the_model_of_the_other_category_is_measured_by_the_same_measures(micro):
    table = pd.read_csv(micro / "results/tables/table1.csv")
    of_category = {name: rows.drop(columns="category") for name, rows in table.groupby("category")}
    keys = ["method", "views", "measure", "listed", "scored"]
    assert of_category["planes"][keys].values.tolist() == of_category["chairs"][keys].values.tolist()


def test_retrieval_returns_the_training_shapes_of_that_model(micro):
    rows = pd.read_csv(micro / "results/metrics/planes/baselines_test.csv")
    assert set(rows["retrieved"].dropna()) <= set((micro / "chairs_train.txt").read_text().split())
    assert set(rows["shape"]) == set((micro / "planes_test.txt").read_text().split())


def test_the_table_says_whose_model_it_is(micro):
    protocol = json.loads((micro / "results/tables/protocol.json").read_text())
    assert protocol["models"] == {"chairs": "chairs", "planes": "chairs"}
    sentence = "* planes, by the model of chairs, which learned from no planes: 4 listed training shapes"
    assert sentence in (micro / "results/tables/table1.md").read_text()


def test_such_a_category_needs_no_training_shapes(micro):
    (micro / "planes_train.txt").unlink()
    run = snakemake(micro, "--dry-run", over=MODELS)
    assert run.returncode == 0, run.stdout + run.stderr
