"""What reruns after which edit: Snakemake is asked, on the finished micro pipeline, for each row of edits.py."""

import contextlib
import shutil
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from code_edits import CODE_EDITS
from edits import BOTH, EDITS, ONCE, RERUN_NOTHING, SETTINGS
from pipeline import REPOSITORY, copied, snakemake
from reruns_page import page
from template3d.jobs import staleness
from workspace import Workspace, append, change_code, do, mesh, shape_added


def name(job) -> str:
    """A job's rule, with its method or its run of end-to-end training if it has one, as edits.py has it."""
    wildcards = dict(job.wildcards)
    return " ".join([job.rule, *(wildcards[which] for which in ("method", "run") if which in wildcards)])


def expected(everything, reruns, of, only) -> set:
    """Rule and wildcards of the jobs that ought to run."""
    return {
        job[:2]
        for job in everything
        if name(job) in reruns
        and (job.rule in ONCE or dict(job.wildcards)["category"] in of)
        and only.get(job.rule, {}).items() <= dict(job.wildcards).items()
    }


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_reruns_what_depends_on_it_and_nothing_else(workspace, edit, everything):
    inputs = workspace.inputs()
    do(edit, workspace)
    jobs = workspace.stale()
    if workspace.inputs() != inputs:
        everything = workspace.everything()
    wanted = expected(everything, edit.reruns, edit.of, edit.only)
    assert {name(job) for job in everything if job[:2] in wanted} == set(edit.reruns)
    assert {job[:2] for job in jobs} == wanted, "\n".join(map(str, jobs))
    assert all(job.causes for job in jobs)


@pytest.fixture(scope="module")
def everything(pristine, tmp_path_factory) -> list[staleness.Job]:
    """All jobs of the micro pipeline."""
    folder = tmp_path_factory.mktemp("nothing_made")
    for name in ("meshes", "resources"):
        shutil.copytree(pristine / name, folder / name)
    for file in pristine.glob("*.txt"):
        shutil.copy2(file, folder)
    with contextlib.chdir(folder):
        return Workspace(REPOSITORY, folder).stale()


@pytest.mark.parametrize("edit", CODE_EDITS, ids=lambda edit: edit.words)
def test_an_edit_of_code_reruns_what_reaches_it_and_nothing_else(workspace, edit, everything):
    change_code(edit, workspace)
    jobs = workspace.stale()
    assert {job[:2] for job in jobs} == expected(everything, edit.reruns, BOTH, {}), "\n".join(map(str, jobs))


def test_why_names_the_definition(workspace):
    change_code(next(edit for edit in CODE_EDITS if "losses.pointwise" in edit.words), workspace)
    said = "\n".join(map(str, workspace.stale()))
    assert "train_embeddings of planes: networks.losses.pointwise changed" in said
    change_code(next(edit for edit in CODE_EDITS if "a constant of the isosurface" in edit.words), workspace)
    said = "\n".join(map(str, workspace.stale()))
    changed = "geometry.isosurface.SLOPE_MARGIN changed"
    assert f"extract_template of planes, two_phase: {changed}; train_embeddings runs before it" in said


def keys(values: dict, start: str = "") -> set[str]:
    found = set()
    for key, value in values.items():
        found |= keys(value, f"{start}{key}.") if isinstance(value, dict) else {f"{start}{key}"}
    return found


def test_every_key_of_the_configuration_stands_in_the_table():
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    known = {setting.key for setting in SETTINGS + RERUN_NOTHING}
    known |= {"shapenet", "meshes.layout", "photos", "labels", "keypoints", "phase1.from"}
    assert {key for key in keys(config) if not key.startswith("categories.")} == known


@pytest.fixture(scope="module")
def finished(pristine, tmp_path_factory) -> Path:
    """A copy of the finished micro pipeline, to ask and not to change."""
    return copied(pristine, tmp_path_factory.mktemp("finished") / "micro")


@pytest.mark.parametrize("setting", SETTINGS + RERUN_NOTHING, ids=lambda setting: setting.key)
def test_a_setting_reruns_what_depends_on_it_and_nothing_else(finished, everything, setting, monkeypatch):
    monkeypatch.chdir(finished)
    workspace = Workspace(REPOSITORY, finished)
    *sections, key = setting.key.split(".")
    inner = workspace.config
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[key] = setting.value
    jobs = workspace.stale()
    wanted = expected(everything, setting.reruns, BOTH, setting.only)
    assert {job[:2] for job in jobs} == wanted, "\n".join(map(str, jobs))
    starts = (f"config {setting.key} ", "shapes: ", "the list of its input files")
    named = [job for job in jobs if any(cause.startswith(starts) for cause in job.causes)]
    assert bool(named) == bool(setting.reruns), "\n".join(map(str, jobs))


def test_the_page_is_what_the_table_says():
    assert (REPOSITORY / "docs/reruns.md").read_text() == page()


def test_why_says_the_cause_or_that_nothing_is_stale(workspace):
    micro = workspace.folder
    run = snakemake(micro, "--", "why")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Nothing is stale." in run.stdout
    run = snakemake(micro, "--", "why", over={"phase1": {"epochs": 5}})
    assert "train_embeddings of planes: config phase1.epochs 4 -> 5" in run.stdout
    assert "table1: evaluate, evaluate_baselines runs before it" in run.stdout


def test_why_names_the_mesh_that_changed_came_or_went_and_counts_members(workspace):
    name = "/".join(workspace.mesh("train").parts[-4:-2])
    mesh(workspace)
    said = "\n".join(map(str, workspace.stale()))
    assert f"prepare of planes, train-00: mesh {name} changed (1 of 4 members)" in said
    assert "sdf of planes, train-00: prepare runs before it" in said
    shape_added(workspace)
    said = "\n".join(map(str, workspace.stale()))
    both = f"mesh {name} changed (1 of 5 members); mesh 02691156/0123abcd is new (1 of 5 members)"
    assert f"prepare of planes, train-00: shapes: 0123abcd was added; {both}" in said


def test_after_an_edit_only_the_changed_member_is_made(workspace):
    mesh(workspace)
    for target, log in (("easy.zip", "render/planes_train-00_easy"), ("sdf.zip", "sdf/planes_train-00")):
        run = snakemake(workspace.folder, "--", f"results/data/planes/train-00/{target}")
        assert run.returncode == 0, run.stdout + run.stderr
        written = (workspace.folder / f"results/logs/{log}.log").read_text()
        assert "1 of 4 shapes made, 0 failed, the others were current" in written
    append(workspace.mesh("train"), "# a comment\n")  # the same triangles
    run = snakemake(workspace.folder, "--", f"results/data/planes/train-00/{target}")
    assert run.returncode == 0, run.stdout + run.stderr
    prepared = workspace.folder / "results/logs/prepare/planes_train-00.log"
    assert "1 of 4 shapes made" in prepared.read_text()
    assert "0 of 4 shapes made" in (workspace.folder / f"results/logs/{log}.log").read_text()


def test_other_weights_in_the_same_file_rerun_what_starts_from_them(workspace):
    file = workspace.folder / "trunk.pth"
    start = {"encoder": {"weights": "trunk.pth"}}
    workspace.config["encoder"] |= start["encoder"]
    starting = {"train_encoder", "pretrain_contrastive"}

    def write(seed: int) -> None:
        torch.manual_seed(seed)
        torch.save(torchvision.models.resnet18().state_dict(), file)

    def stale() -> set[str]:
        return {job.rule for job in workspace.stale() if dict(job.wildcards).get("category") == "planes"}

    write(seed=0)
    targets = ("two_phase/model.safetensors", "contrastive/encoder.safetensors")
    run = snakemake(workspace.folder, "--", *(f"results/models/planes/{target}" for target in targets), over=start)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not stale() & starting
    write(seed=0)
    assert not stale() & starting
    write(seed=1)
    assert stale() >= starting
