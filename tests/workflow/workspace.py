"""A repository and a folder in which its micro pipeline has run, and what a user does there: the edits of edits.py."""

import copy
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml
from PIL import Image
from pipeline import MICRO, SYNSETS
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.jobs import staleness


class Workspace:
    """A repository and a folder in which its micro pipeline has run."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository, self.folder = repository, folder
        self.config, self.cores = yaml.safe_load(MICRO.read_text()), 1

    def stale(self) -> list[staleness.Job]:
        return staleness.stale_jobs(self.repository / "Snakefile", self.folder, self.config, self.cores)

    def inputs(self) -> tuple:
        """What says which jobs there are: the configuration, the lists, and the names of all files that were given."""
        given = [file for name in ("meshes", "resources") for file in (self.folder / name).rglob("*")]
        lists = {file: file.read_text() for file in self.folder.glob("*.txt")}
        return copy.deepcopy(self.config), lists, set(given)

    def everything(self) -> list[staleness.Job]:
        """All jobs of the pipeline as it stands: what would run without any results."""
        hidden = self.folder.with_name(f"{self.folder.name}_hidden")
        hidden.mkdir()
        for name in ("results", ".snakemake"):
            if (self.folder / name).exists():
                (self.folder / name).rename(hidden / name)
        jobs = self.stale()
        shutil.rmtree(self.folder / ".snakemake")
        shutil.rmtree(self.folder / "results", ignore_errors=True)
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


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def replace(file: Path, pattern: str, by: str) -> None:
    text, count = re.subn(pattern, by, file.read_text(), count=1)
    assert count, f"{file} has no {pattern}"
    file.write_text(text)


def touch_everything(workspace):
    for folder in (workspace.folder, workspace.repository):
        for file in folder.rglob("*"):
            if file.is_file() and file.stat().st_nlink > 1:  # its other name keeps its time
                shutil.copy(file, file.with_suffix(".own"))
                file.with_suffix(".own").replace(file)
            file.touch()


def fresh_clone(workspace):
    shutil.rmtree(workspace.folder / ".snakemake")
    for file in workspace.repository.rglob("*"):
        file.touch()


def results_copied(workspace):
    """As `cp -r` does: with new times, in any order."""
    shutil.rmtree(workspace.folder / ".snakemake")
    results = workspace.folder / "results"
    results.rename(results.with_name("original"))
    shutil.copytree(results.with_name("original"), results, copy_function=shutil.copyfile)
    files = sorted(file for file in results.rglob("*") if file.is_file())
    for age, file in enumerate(files):
        os.utime(file, (age, age))
    shutil.rmtree(results.with_name("original"))


def results_copied_and_mesh_edited(workspace):
    results_copied(workspace)
    mesh(workspace)


def records_lost(workspace):
    results_copied(workspace)
    shutil.rmtree(workspace.folder / "results/records")
    for file in (workspace.folder / "results").rglob("*"):
        os.utime(file, (2e9, 2e9))  # none older than what it was made from


def records_lost_and_setting_changed(workspace):
    records_lost(workspace)
    workspace.config["evaluate"]["points"] = 600


def model_damaged(workspace):
    file = workspace.folder / "results/models/planes/two_phase/model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1000] ^= 1
    file.unlink()  # it has another name
    file.write_bytes(content)


def models_swapped(workspace):
    files = [workspace.folder / f"results/models/{name}/two_phase/model.safetensors" for name in ("chairs", "planes")]
    files[0].rename(files[0].with_suffix(".other"))
    files[1].rename(files[0])
    files[0].with_suffix(".other").rename(files[1])


def table_edited(workspace):
    file = workspace.folder / "results/metrics/planes/two_phase_test.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))


def seal_lost(workspace):
    (workspace.folder / "results/reconstructions/planes/two_phase/.test.zip.seal").unlink()


def comment(workspace):
    append(workspace.repository / "config.yaml", "# to be continued\n")


def swap(workspace):
    phase1 = yaml.safe_load((workspace.repository / "config.yaml").read_text())["phase1"]
    warp, codes = phase1["learning_rate_warp"], phase1["learning_rate_codes"]
    workspace.config["phase1"] |= {"learning_rate_warp": codes, "learning_rate_codes": warp}


def model_of_another(workspace):
    workspace.config["evaluate"]["models"] = {"planes": "chairs"}


def mesh(workspace):
    append(workspace.mesh("train"), "v 0.01 0.02 0.03\nf 1 2 -1\n")


def material(workspace):
    append(workspace.mesh("train").with_suffix(".mtl"), "# repainted\n")


def texture(workspace):
    (workspace.mesh("test").parent / "wood.png").write_bytes(b"a texture")


def mesh_touched(workspace):
    workspace.mesh("train").touch()


def shape_added(workspace):
    shutil.copytree(workspace.mesh("train").parents[1], workspace.folder / "meshes" / SYNSETS["planes"] / "0123abcd")
    workspace.edit_list("train", lambda shapes: [*shapes, "0123abcd"])


def shape_removed(workspace):
    workspace.edit_list("train", lambda shapes: shapes[:-1])


def shape_moved(workspace):
    moved = (workspace.folder / "planes_test.txt").read_text().split()[-1]
    workspace.edit_list("test", lambda shapes: shapes[:-1])
    workspace.edit_list("train", lambda shapes: [*shapes, moved])


def category_added(workspace):
    shapes = {demo_shapes.shape_id(shape): shape for shape in demo_shapes.parameters("sofas", 3, seed=0)}
    for name, shape in shapes.items():
        demo_meshes.write(shape, workspace.folder / "meshes/02828884" / name / "models")
    first, *others = shapes
    (workspace.folder / "benches_test.txt").write_text(first)
    (workspace.folder / "benches_train.txt").write_text("\n".join(others))
    shutil.copytree(workspace.folder / "resources/photos/planes", workspace.folder / "resources/photos/benches")
    workspace.config["categories"]["benches"] = {"shards": 1, "train": "benches_train.txt", "test": "benches_test.txt"}


def category_removed(workspace):
    workspace.config["categories"]["planes"] = None


def resources(workspace):
    replace(workspace.repository / "workflow/rules/distances.smk", r"growing\(\d+\)", "growing(4321)")


def cores(workspace):
    workspace.cores = 64


def published(workspace):
    for name in ("specs.json", "ModelParameters/latest.pth", "LatentCodes/latest.pth"):
        for category in ("chairs", "planes"):
            (workspace.folder / category / name).parent.mkdir(parents=True, exist_ok=True)
            (workspace.folder / category / name).touch()
    workspace.config["phase1"]["from"] = "{category}"


def synthetic_shapes(workspace):
    workspace.config["phase2"]["synthetic_shapes"] = 4


def model_deleted(workspace):
    (workspace.folder / "results/models/planes/embeddings/model.safetensors").unlink()


def photo(workspace):
    image = Image.new("RGB", (80, 80), "white")
    image.paste((200, 40, 40), (20, 20, 60, 60))
    image.save(workspace.folder / "resources/photos/planes/blue.png")


def photo_masked(workspace):
    Image.new("L", (90, 60), 255).save(workspace.folder / "resources/photos/planes/blue.mask.png")


def table_deleted(workspace):
    (workspace.folder / "results/tables/table1.md").unlink()


def do(edit, workspace) -> None:
    kind, _, what = edit.name.partition(" ")
    if kind == "file":
        append(workspace.repository / what, "\n# edited\n")
    elif kind == "package":
        replace(workspace.repository / "envs/requirements.txt", rf"\n{what}==[^\n]+", f"\n{what}==99.9")
    elif kind == "patch":
        replace(workspace.repository / "envs/requirements.txt", rf"\n({what}==\d+\.\d+)\.[^\n]+", r"\n\1.99")
    elif kind != "nothing":
        globals()[kind](workspace)


def change_code(edit, workspace) -> None:
    folder = workspace.repository / ("" if edit.file.startswith("scripts/") else "workflow/template3d")
    if edit.old:
        replace(folder / edit.file, re.escape(edit.old), edit.new.replace("\\", "\\\\"))
    else:
        append(folder / edit.file, edit.new)
