import hashlib
from pathlib import Path

import pandas as pd
import pytest
from template3d.data import shapenet, splits
from template3d.jobs import protocol
from template3d.runtime import seals

REPOSITORY = Path(__file__).resolve().parents[2]
METRICS = "results/metrics/chairs/two_phase_test.csv"
NO_SPLITS = pd.DataFrame({"split": [], "part": [], "sha256": []})
BASELINES = "results/metrics/chairs/baselines_test.csv"


def sealed(name, rule, settings, inputs=(), code="c0"):
    """A result with a seal, and nothing else of it."""
    seals.path_of(Path(name)).parent.mkdir(parents=True, exist_ok=True)
    wildcards = {"category": "chairs"}
    of_inputs = dict.fromkeys(inputs, "0")
    seals.Seal(name, "0", "0", rule, wildcards, {"settings": settings}, code, {"numpy": "1"}, of_inputs).write(
        Path(name)
    )


@pytest.fixture
def rows():
    """Two shapes with two views each, one of them without surface, and a shape with a bad mesh."""
    status = ["ok", "no surface", "ok", "ok", "bad mesh"]
    return pd.DataFrame({"category": "chairs", "method": "two_phase", "shape": list("aabbc"), "status": status})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder with the seals of a small run."""
    monkeypatch.chdir(tmp_path)
    views = [f"results/data/chairs/test-00/{kind}.zip" for kind in ("easy", "hard")]
    sealed(views[0], "render", {"views": {"easy": 3, "samples": 1}, "shapes": ["a"]})
    sealed(views[1], "render", {"views": {"hard": 2, "samples": 1}, "shapes": ["b"]})
    sealed(METRICS, "evaluate", {"evaluate": {"points": 500}}, views)
    splits = {"train": ["t"], "test": ["c", "a", "b"]}
    settings = {"splits": splits, "model_of": "chairs", "evaluate": {"points": 500}}
    sealed(BASELINES, "evaluate_baselines", settings)


def test_stages_have_the_settings_of_all_their_jobs(run, rows):
    facts = protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", NO_SPLITS)
    assert facts["stages"]["render"] == {
        "code_sha256": "c0",
        "packages": {"numpy": "1"},
        "settings": {"views": {"easy": 3, "hard": 2, "samples": 1}},
    }
    assert facts["stages"]["evaluate"]["settings"] == {"evaluate": {"points": 500}}
    assert facts["deleted_since"] == []


def test_values_that_differ_between_jobs_are_all_listed(run, rows):
    name = "results/data/chairs/test-00/hard.zip"
    sealed(name, "render", {"views": {"hard": 2, "samples": 4}}, ["results/data/chairs/test-01/hard.zip"], code="c1")
    sealed("results/data/chairs/test-01/hard.zip", "render", {"views": {"hard": 2, "samples": 4}}, code="c1")
    render = protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", NO_SPLITS)["stages"]["render"]
    assert render["settings"]["views"]["samples"] == [1, 4]
    assert render["code_sha256"] == ["c0", "c1"]


def test_ids_have_the_digest_that_sort_and_sha256sum_print(run, rows):
    parts = protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", NO_SPLITS)["splits"]
    assert parts == {
        "chairs": {
            "train": {"count": 1, "sha256": hashlib.sha256(b"t\n").hexdigest(), "published": None},
            "test": {"count": 3, "sha256": hashlib.sha256(b"a\nb\nc\n").hexdigest(), "published": None},
        }
    }


def test_shapes_and_failures_are_counted(run, rows):
    counts = protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", NO_SPLITS)["shapes"]
    assert counts == {"chairs": {"listed": 3, "scored": 2, "reconstructions": 4, "without_surface": 1}}


def test_a_result_that_was_deleted_is_named(run, rows):
    name = "results/data/chairs/test-00/easy.zip"
    seals.path_of(Path(name)).unlink()
    assert protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", NO_SPLITS)["deleted_since"] == [name]


def test_a_published_split_is_recognized_by_its_ids(run, rows):
    def words(ids):
        digests = [hashlib.sha256("".join(f"{name}\n" for name in part).encode()).hexdigest() for part in ids]
        published = pd.DataFrame({"split": "DeepSDF sv2", "part": ["train", "test"], "sha256": digests})
        return protocol.in_words(protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", published))

    assert "* chairs: 1 listed training shapes (DeepSDF sv2) and 3 listed test shapes (DeepSDF sv2)" in words(
        ["t", "abc"]
    )
    assert "* chairs: 1 listed training shapes (DeepSDF sv2) and 3 listed test shapes (not a published split)" in words(
        ["t", "ab"]
    )
    assert "points on each reconstruction: 500" in words(["t", "abc"])


def test_the_model_of_another_category_is_named(run, rows):
    settings = {"splits": {"train": ["t"], "test": ["a"]}, "model_of": "benches"}
    sealed(BASELINES, "evaluate_baselines", settings)
    facts = protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", NO_SPLITS)
    assert facts["models"] == {"chairs": "benches"}
    assert "* chairs, by the model of benches, which learned from no chairs: 1 listed" in protocol.in_words(facts)


def test_points_that_differ_between_categories_are_all_said(run, rows):
    sealed("results/metrics/planes/two_phase_test.csv", "evaluate", {"evaluate": {"points": 1000}})
    files = [METRICS, BASELINES, "results/metrics/planes/two_phase_test.csv"]
    assert "points on each reconstruction: [500, 1000]" in protocol.in_words(
        protocol.of_metrics(files, rows, "two_phase", NO_SPLITS)
    )


def test_results_that_accept_sealed_have_unknown_settings(run, rows):
    for file, rule in ((METRICS, "evaluate"), (BASELINES, "evaluate_baselines")):
        seals.Seal(file, "0", "0", rule).write(Path(file))
    facts = protocol.of_metrics([METRICS, BASELINES], rows, "two_phase", NO_SPLITS)
    assert facts["of_unknown_settings"] == sorted([METRICS, BASELINES])
    assert "Frame:" in protocol.in_words(facts)


@pytest.mark.parametrize("category", ["chairs", "sofas", "planes"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_the_checksums_are_those_of_the_published_lists(category, part):
    file = REPOSITORY.parent / f"shared/data/splits/sv2_{category}_{part}.json"
    if not file.exists():
        pytest.skip("DeepSDF's lists are not here")
    synset = shapenet.synsets(REPOSITORY / "resources/categories.csv")[category]
    table = pd.read_csv(REPOSITORY / "resources/published_splits.csv", dtype={"synset": str})
    (row,) = table[(table["synset"] == synset) & (table["part"] == part)].itertuples()
    ids = splits.read_split(file, synset)
    assert (row.ids, row.sha256) == (len(ids), protocol.digest_of_ids(ids))
