"""`snakemake accept`: results whose code changed are current, and so are members and what is made from them."""

import json
import shutil

import pytest
from pipeline import snakemake
from template3d.jobs.acceptance import accept
from workspace import mesh, replace

LOSS = ("networks/losses.py", r"0\.5 \* moved\*\*2", "moved**2 * 0.5")
SIGNS = ("geometry/consistency.py", r"TOLERANCE = 0\.005", "TOLERANCE = 0.01 / 2")


@pytest.fixture
def refactored(workspace):
    """A workspace in which two results were refactored; a function that accepts, and gives what it lists."""
    edit(workspace, *LOSS)
    edit(workspace, *SIGNS)

    def accepted(*only):
        return accept(workspace.repository / "Snakefile", workspace.folder, workspace.config, only)

    workspace.accepted = accepted
    return workspace


def edit(workspace, file, old, new):
    replace(workspace.repository / "workflow/template3d" / file, old, new)


def test_accepted_results_are_current_and_a_later_edit_makes_one_member(refactored):
    rules = {"sdf", "train_embeddings", "train_end_to_end"}
    taken, left = refactored.accepted()
    assert {line.split()[0] for line in taken} == rules
    assert "train_embeddings planes: networks.losses.pointwise changed" in taken
    assert "sdf planes train-00: geometry.consistency.TOLERANCE changed" in taken
    assert left == []
    assert refactored.stale() == []
    assert refactored.accepted() == ([], [])  # it asks nothing twice
    mesh(refactored)
    run = snakemake(refactored.folder, "--", "results/data/planes/train-00/sdf.zip", repository=refactored.repository)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 of 4 shapes made" in (refactored.folder / "results/logs/sdf/planes_train-00.log").read_text()


def test_the_next_change_of_code_ends_it_and_is_named_alone(refactored):
    refactored.accepted()
    edit(refactored, "networks/losses.py", r"HARDNESS = \(0\.0", "HARDNESS = (0.1")
    said = "\n".join(map(str, refactored.stale()))
    assert "train_embeddings of planes: networks.losses.HARDNESS changed" in said
    assert "networks.losses.pointwise" not in said
    assert "sdf of" not in said
    edit(refactored, "networks/losses.py", r"HARDNESS = \(0\.1", "HARDNESS = (0.0")
    assert refactored.stale() == []
    edit(refactored, "networks/losses.py", r"moved\*\*2 \* 0\.5", "moved**2 * 0.6")
    assert "train_embeddings of planes: networks.losses.pointwise changed" in "\n".join(map(str, refactored.stale()))
    edit(refactored, "networks/losses.py", r"moved\*\*2 \* 0\.6", "moved**2 * 0.5")
    assert refactored.stale() == []


def test_some_results_are_accepted_and_settings_never(refactored):
    taken, _ = refactored.accepted("sdf", "chairs")
    assert {tuple(line.split(":")[0].split()[:2]) for line in taken} == {
        *(("sdf", "planes"), ("sdf", "chairs"), ("train_embeddings", "chairs"), ("train_end_to_end", "chairs"))
    }
    assert {dict(job.wildcards).get("category", "planes") for job in refactored.stale()} >= {"planes"}
    assert not [job for job in refactored.stale() if job.rule == "sdf"]
    refactored.config["phase1"]["epochs"] = 5
    taken, left = refactored.accepted("train_embeddings")
    assert taken == []
    assert any("config phase1.epochs 4 -> 5" in line and "losses.pointwise changed" in line for line in left)


def test_the_command_lists_what_it_takes(refactored):
    run = snakemake(refactored.folder, "--", "accept", repository=refactored.repository)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "accepted: sdf planes train-00: geometry.consistency.TOLERANCE changed" in run.stdout
    assert json.loads((refactored.folder / "results/accepted.json").read_text())["jobs"]
    run = snakemake(refactored.folder, "--", "accept", repository=refactored.repository)
    assert "Nothing to accept" in run.stdout
    assert refactored.stale() == []


def test_a_damaged_record_is_named(refactored):
    (refactored.folder / "results/accepted.json").write_text("{")
    run = snakemake(refactored.folder, "-n", repository=refactored.repository)
    assert run.returncode != 0
    assert "results/accepted.json: damaged" in run.stdout + run.stderr


def test_results_of_an_earlier_version_without_seals_are_accepted(refactored):
    for seal in (refactored.folder / "results").rglob(".*.seal"):
        seal.unlink()
    assert refactored.stale()
    taken, left = refactored.accepted()
    model = "results/models/planes/embeddings/model"
    assert any("networks.losses.pointwise changed" in line and f"{model}.json has no seal" in line for line in taken)
    assert left == []
    assert refactored.stale() == []
    (refactored.folder / f"{model}.json").write_text("{}")
    assert {job.rule for job in refactored.stale()} >= {"train_embeddings", "train_encoder"}


def test_results_that_nothing_is_known_of_are_not_accepted(refactored):
    model = refactored.folder / "results/models/planes/embeddings"
    (model / ".model.json.seal").unlink()
    shutil.rmtree(refactored.folder / "results/records")
    taken, left = refactored.accepted()
    assert not taken
    assert any("train_embeddings planes: " in line and "model.json has no seal" in line for line in left)
