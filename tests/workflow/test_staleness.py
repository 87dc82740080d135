"""What reruns after which edit: Snakemake is asked, on the finished micro pipeline, for each row of edits.py."""

import contextlib
import copy
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from edits import BOTH, EDITS, ONCE, RERUN_NOTHING, SETTINGS, page
from PIL import Image
from pipeline import MICRO, REPOSITORY, SYNSETS, copied, snakemake
from template3d import demo_meshes, demo_shapes, provenance

sys.path.insert(0, str(REPOSITORY / "scripts"))
import why


class Place:
    """A repository and a folder in which its micro pipeline has run."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository, self.folder = repository, folder
        self.config, self.cores = yaml.safe_load(MICRO.read_text()), 1

    def stale(self) -> list[why.Job]:
        if self.repository != REPOSITORY:  # a copy, which tests edit
            for cached in (provenance._imports, provenance._names, provenance._digest):
                cached.cache_clear()
        return why.stale_jobs(self.repository / "Snakefile", self.folder, self.config, self.cores)

    def inputs(self) -> tuple:
        """What says which jobs there are: the configuration, the lists, and the names of all files that were given."""
        given = [file for name in ("meshes", "resources") for file in (self.folder / name).rglob("*")]
        lists = {file: file.read_text() for file in self.folder.glob("*.txt")}
        return copy.deepcopy(self.config), lists, set(given)

    def everything(self) -> list[why.Job]:
        """All jobs of the pipeline as it stands: what would run without any results."""
        hidden = self.folder.with_name(f"{self.folder.name}_hidden")
        hidden.mkdir()
        for name in ("results", ".snakemake"):
            if (self.folder / name).exists():
                (self.folder / name).rename(hidden / name)
        jobs = self.stale()
        shutil.rmtree(self.folder / ".snakemake")
        for kept in hidden.iterdir():
            kept.rename(self.folder / kept.name)
        hidden.rmdir()
        return jobs

    def mesh(self, split: str) -> Path:
        """The mesh of the first plane of a split."""
        shape = (self.folder / f"planes_{split}.txt").read_text().split()[0]
        return self.folder / "meshes" / SYNSETS["planes"] / shape / "models/model_normalized.obj"

    def edit_list(self, split: str, change: Callable[[list[str]], list[str]]) -> None:
        file = self.folder / f"planes_{split}.txt"
        file.write_text("\n".join(change(file.read_text().split())))


@pytest.fixture
def place(pristine, tmp_path, monkeypatch) -> Place:
    """Copies to edit."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("Snakefile", "config.yaml", "README.md", "workflow", "scripts", "resources", "envs"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, repository / name)
    monkeypatch.setattr(provenance, "PACKAGE", repository / "workflow/template3d")
    folder = copied(pristine, tmp_path / "folder", link=True)
    monkeypatch.chdir(folder)
    return Place(repository, folder)


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def replace(file: Path, pattern: str, by: str) -> None:
    text, count = re.subn(pattern, by, file.read_text(), count=1)
    assert count, f"{file} has no {pattern}"
    file.write_text(text)


def touch_everything(place):
    for folder in (place.folder, place.repository):
        for file in folder.rglob("*"):
            if file.is_file() and file.stat().st_nlink > 1:  # its other name keeps its time
                shutil.copy(file, file.with_suffix(".own"))
                file.with_suffix(".own").replace(file)
            file.touch()


def fresh_clone(place):
    shutil.rmtree(place.folder / ".snakemake")
    for file in place.repository.rglob("*"):
        file.touch()


def comment(place):
    append(place.repository / "config.yaml", "# to be continued\n")


def swap(place):
    chosen = yaml.safe_load((place.repository / "config.yaml").read_text())["phase1"]
    place.config["phase1"] |= {"rate_warp": chosen["rate_codes"], "rate_codes": chosen["rate_warp"]}


def mesh(place):
    append(place.mesh("train"), "v 0 0 0\n")


def material(place):
    append(place.mesh("train").with_suffix(".mtl"), "# repainted\n")


def texture(place):
    (place.mesh("test").parent / "wood.png").write_bytes(b"a texture")


def mesh_touched(place):
    place.mesh("train").touch()


def shape_added(place):
    shutil.copytree(place.mesh("train").parents[1], place.folder / "meshes" / SYNSETS["planes"] / "0123abcd")
    place.edit_list("train", lambda shapes: [*shapes, "0123abcd"])


def shape_removed(place):
    place.edit_list("train", lambda shapes: shapes[:-1])


def shape_moved(place):
    moved = (place.folder / "planes_test.txt").read_text().split()[-1]
    place.edit_list("test", lambda shapes: shapes[:-1])
    place.edit_list("train", lambda shapes: [*shapes, moved])


def category_added(place):
    shapes = {demo_shapes.shape_id(shape): shape for shape in demo_shapes.parameters("sofas", 3, seed=0)}
    for name, shape in shapes.items():
        demo_meshes.write(shape, place.folder / "meshes/02828884" / name / "models")
    first, *others = shapes
    (place.folder / "benches_test.txt").write_text(first)
    (place.folder / "benches_train.txt").write_text("\n".join(others))
    shutil.copytree(place.folder / "resources/photos/planes", place.folder / "resources/photos/benches")
    place.config["categories"]["benches"] = {"shards": 1, "train": "benches_train.txt", "test": "benches_test.txt"}


def category_removed(place):
    place.config["categories"]["planes"] = None


def resources(place):
    replace(place.repository / "workflow/rules/distances.smk", r"growing\(\d+\)", "growing(4321)")


def cores(place):
    place.cores = 64


def published(place):
    for name in ("specs.json", "ModelParameters/latest.pth", "LatentCodes/latest.pth"):
        for category in ("chairs", "planes"):
            (place.folder / category / name).parent.mkdir(parents=True, exist_ok=True)
            (place.folder / category / name).touch()
    place.config["phase1"]["from"] = "{category}"


def model_deleted(place):
    (place.folder / "results/models/planes/embeddings/model.safetensors").unlink()


def photo(place):
    image = Image.new("RGB", (80, 80), "white")
    image.paste((200, 40, 40), (20, 20, 60, 60))
    image.save(place.folder / "resources/photos/planes/blue.png")


def photo_masked(place):
    Image.new("L", (90, 60), 255).save(place.folder / "resources/photos/planes/blue.mask.png")


def table_deleted(place):
    (place.folder / "results/tables/table1.md").unlink()


def do(edit, place) -> None:
    kind, _, what = edit.name.partition(" ")
    if kind == "module":
        append(place.repository / "workflow/template3d" / what, "\nEDITED = True\n")
    elif kind == "script":
        append(place.repository / "scripts" / what, "\nEDITED = True\n")
    elif kind == "file":
        append(place.repository / what, "\n# edited\n")
    elif kind == "package":
        replace(place.repository / "envs/requirements.txt", rf"\n{what}==[^\n]+", f"\n{what}==99.9")
    elif kind != "nothing":
        globals()[kind](place)


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
def test_an_edit_reruns_what_depends_on_it_and_nothing_else(place, edit, everything):
    inputs = place.inputs()
    do(edit, place)
    jobs = place.stale()
    if place.inputs() != inputs:
        everything = place.everything()
    wanted = expected(everything, edit.reruns, edit.of, edit.only)
    assert {name(job) for job in everything if job[:2] in wanted} == set(edit.reruns)
    assert {job[:2] for job in jobs} == wanted, "\n".join(map(str, jobs))
    assert all(job.causes for job in jobs)


@pytest.fixture(scope="module")
def everything(pristine, tmp_path_factory) -> list[why.Job]:
    """All jobs of the micro pipeline."""
    folder = tmp_path_factory.mktemp("nothing_made")
    for name in ("meshes", "resources"):
        shutil.copytree(pristine / name, folder / name)
    for file in pristine.glob("*.txt"):
        shutil.copy2(file, folder)
    with contextlib.chdir(folder):
        return Place(REPOSITORY, folder).stale()


def keys(values: dict, start: str = "") -> set[str]:
    found = set()
    for key, value in values.items():
        found |= keys(value, f"{start}{key}.") if isinstance(value, dict) else {f"{start}{key}"}
    return found


def test_every_key_of_the_configuration_stands_in_the_table():
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    known = {setting.key for setting in SETTINGS + RERUN_NOTHING}
    known |= {"shapenet", "photos", "labels", "phase1.from"}
    assert {key for key in keys(config) if not key.startswith("categories.")} == known


@pytest.fixture(scope="module")
def finished(pristine, tmp_path_factory) -> Path:
    """A copy of the finished micro pipeline, to ask and not to change."""
    return copied(pristine, tmp_path_factory.mktemp("finished") / "micro")


@pytest.mark.parametrize("setting", SETTINGS + RERUN_NOTHING, ids=lambda setting: setting.key)
def test_a_setting_reruns_what_depends_on_it_and_nothing_else(finished, everything, setting, monkeypatch):
    monkeypatch.chdir(finished)
    place = Place(REPOSITORY, finished)
    *sections, key = setting.key.split(".")
    inner = place.config
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[key] = setting.value
    jobs = place.stale()
    wanted = expected(everything, setting.reruns, BOTH, setting.only)
    assert {job[:2] for job in jobs} == wanted, "\n".join(map(str, jobs))
    starts = (f"config {setting.key} ", "shapes: ", "the list of its input files")
    named = [job for job in jobs if any(cause.startswith(starts) for cause in job.causes)]
    assert bool(named) == bool(setting.reruns), "\n".join(map(str, jobs))


def test_the_page_is_what_the_table_says():
    assert (REPOSITORY / "docs/reruns.md").read_text() == page()


def test_why_says_the_cause_or_that_nothing_is_stale(place):
    micro = place.folder
    run = snakemake(micro, "--", "why")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Nothing is stale." in run.stdout
    run = snakemake(micro, "--", "why", over={"phase1": {"epochs": 5}})
    assert "train_embeddings of planes: config phase1.epochs 4 -> 5" in run.stdout
    assert "table1: evaluate, evaluate_baselines runs before it" in run.stdout


def test_why_names_the_mesh_that_changed_came_or_went_and_counts_members(place):
    name = "/".join(place.mesh("train").parts[-4:-2])
    mesh(place)
    said = "\n".join(map(str, place.stale()))
    assert f"sdf of planes, train-00: mesh {name} changed (1 of 4 members); check runs before it" in said
    shape_added(place)
    said = "\n".join(map(str, place.stale()))
    both = f"mesh {name} changed (1 of 5 members); mesh 02691156/0123abcd is new (1 of 5 members)"
    assert f"check of planes, train-00: {both}" in said
    assert f"sdf of planes, train-00: {both}" in said


def test_after_an_edit_only_the_changed_member_is_made(place):
    mesh(place)
    for target, log in (("easy.zip", "render/planes_train-00_easy"), ("sdf.zip", "sdf/planes_train-00")):
        run = snakemake(place.folder, "--", f"results/data/planes/train-00/{target}")
        assert run.returncode == 0, run.stdout + run.stderr
        written = (place.folder / f"results/logs/{log}.log").read_text()
        assert "1 of 4 shapes made, 0 failed, the others were current" in written


def test_other_weights_in_the_same_file_rerun_what_starts_from_them(place):
    file = place.folder / "trunk.pth"
    start = {"encoder": {"weights": "trunk.pth"}}
    place.config["encoder"] |= start["encoder"]
    starting = {"train_encoder", "pretrain_contrastive"}

    def write(seed: int) -> None:
        torch.manual_seed(seed)
        torch.save(torchvision.models.resnet18().state_dict(), file)

    def stale() -> set[str]:
        return {job.rule for job in place.stale() if dict(job.wildcards).get("category") == "planes"}

    write(seed=0)
    targets = ("two_phase/model.safetensors", "contrastive/encoder.safetensors")
    run = snakemake(place.folder, "--", *(f"results/models/planes/{target}" for target in targets), over=start)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not stale() & starting
    write(seed=0)
    assert not stale() & starting
    write(seed=1)
    assert stale() >= starting


def test_a_damaged_archive_is_found_by_its_reader_and_made_again(place):
    archive = place.folder / "results/data/planes/train-00/sdf.zip"
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    target = "results/models/planes/embeddings/model.safetensors"
    run = snakemake(place.folder, "--", target)
    assert run.returncode != 0
    assert "sdf.zip: damaged" in run.stdout + run.stderr
    run = snakemake(place.folder, "--", target)
    assert run.returncode == 0, run.stdout + run.stderr
    assert archive.read_bytes() == whole
    assert [file.name for file in archive.parent.glob("sdf.*")] == ["sdf.zip"]
