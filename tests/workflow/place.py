"""A repository and a folder in which its micro pipeline has run, and what a user does there: the edits of edits.py."""

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml
from PIL import Image
from pipeline import MICRO, REPOSITORY, SYNSETS
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.jobs import staleness
from template3d.runtime import provenance


class Place:
    """A repository and a folder in which its micro pipeline has run."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository, self.folder = repository, folder
        self.config, self.cores = yaml.safe_load(MICRO.read_text()), 1

    def stale(self) -> list[staleness.Job]:
        if self.repository != REPOSITORY:  # a copy, which tests edit
            for cached in (provenance._imports, provenance._names, provenance._digest):
                cached.cache_clear()
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
    phase1 = yaml.safe_load((place.repository / "config.yaml").read_text())["phase1"]
    warp, codes = phase1["learning_rate_warp"], phase1["learning_rate_codes"]
    place.config["phase1"] |= {"learning_rate_warp": codes, "learning_rate_codes": warp}


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
