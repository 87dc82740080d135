import os
from pathlib import Path

import pytest
from template3d.runtime import input_paths
from template3d.runtime.errors import InputError

RESULTS = Path("results")
CATEGORIES = ["chairs", "03001627"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with results and with folders to read."""
    monkeypatch.chdir(tmp_path)
    for name in ("results/photos/chairs", "results_of_others/chairs", "photos/chairs", "meshes/03001627/aaaa"):
        Path(name).mkdir(parents=True)
    return tmp_path


def config(**keys) -> dict:
    given = {
        "shapenet": "demo",
        "photos": "photos",
        "photo_models": {},
        "labels": "labels",
        "keypoints": "keypoints",
        "augmentation": {"backgrounds": None},
        "phase1": {"from": None},
    }
    return given | {"encoder": {"weights": "none"}, "end_to_end": {"weights": "contrastive"}} | keys


@pytest.mark.parametrize(
    "keys",
    [
        {"photos": "results/photos"},
        {"photos": "results"},
        {"photos": "./photos/../results/photos"},
        {"labels": "results/no/such/folder"},
        {"shapenet": "results/demo_shapes"},
        {"phase1": {"from": "results/export/{category}_deep_implicit_template"}},
        {"encoder": {"weights": "results/w.pth"}},
        {"end_to_end": {"weights": "results/w.pth"}},
        {"augmentation": {"backgrounds": "results/photos"}},
        {"photo_models": {"chairs": "results/models/chairs/two_phase"}},
    ],
)
def test_what_is_read_must_not_lie_where_the_workflow_writes(keys, folder):
    (key,) = keys
    named = key if isinstance(keys[key], str) else f"{key}.{next(iter(keys[key]))}"
    way_out = f"in the folder results that the workflow writes; move it out of results and set {named} to its new path"
    with pytest.raises(InputError, match=way_out) as error:
        input_paths.check(config(**keys), RESULTS, CATEGORIES)
    assert str(error.value).startswith(f"config: {named} is ")
    absolute = {key: str(folder / value) if isinstance(value, str) else value for key, value in keys.items()}
    with pytest.raises(InputError, match=way_out):
        input_paths.check(config(**absolute), RESULTS, CATEGORIES)


def test_moving_it_out_is_a_way_out():
    with pytest.raises(InputError, match="move it out of results and set photos to its new path"):
        input_paths.check(config(photos="results/photos"), RESULTS, CATEGORIES)
    Path("results/photos").rename("elsewhere")
    input_paths.check(config(photos="elsewhere"), RESULTS, CATEGORIES)


@pytest.mark.parametrize("link", ["photos/chairs/linked", "photos/deep", "meshes/03001627/bbbb", "meshes/more"])
def test_a_link_inside_that_leads_there_is_named(link, folder):
    key = "photos" if link.startswith("photos") else "shapenet"
    Path(link).symlink_to(folder / "results/photos")
    keys = {key: link.partition("/")[0]}
    with pytest.raises(InputError, match=f"{key} is .*, whose link {link} leads to .*results/photos, in") as error:
        input_paths.check(config(**keys), RESULTS, CATEGORIES)
    assert "put the files themselves in place of the link" in str(error.value)
    Path(link).unlink()
    Path("results/photos").rename(link)
    input_paths.check(config(**keys), RESULTS, CATEGORIES)


def test_a_folder_that_is_a_link_or_lies_behind_one(folder):
    Path("link").symlink_to("results")
    for photos in ("link", "link/photos"):
        with pytest.raises(InputError, match=f"photos is {photos}, which leads to .*/results"):
            input_paths.check(config(photos=photos), RESULTS, CATEGORIES)


def test_results_that_are_a_link_themselves(folder):
    Path("results").rename("large_disk")
    Path("results").symlink_to("large_disk")
    for photos in ("results/photos", "large_disk/photos"):
        with pytest.raises(InputError, match=f"photos is {photos}"):
            input_paths.check(config(photos=photos), RESULTS, CATEGORIES)


@pytest.mark.parametrize("results", ["results", "no_such_folder"])
def test_other_folders_pass(results):
    Path("photos/broken").symlink_to("nowhere")
    Path("photos/loop").symlink_to("loop")
    Path("photos/chairs/x.png").touch()
    Path("weights.pth").touch()
    keys = {
        "photos": "photos",
        "labels": "results_of_others",
        "keypoints": "keypoints",
        "shapenet": "meshes",
        "phase1": {"from": "{category}"},
    }
    given = config(**keys, encoder={"weights": "weights.pth"}, end_to_end={"weights": "imagenet"})
    input_paths.check(given, Path(results), CATEGORIES)


def test_a_file_in_place_of_a_folder_is_named():
    Path("photo.png").touch()
    with pytest.raises(InputError, match=r"photos is photo\.png, but that is a file; give the path of a folder"):
        input_paths.check(config(photos="photo.png"), RESULTS, CATEGORIES)


@pytest.mark.parametrize("section", ["encoder", "end_to_end"])
def test_a_folder_in_place_of_weights_is_named(section):
    with pytest.raises(
        InputError, match=rf"{section}\.weights is photos, but that is a folder; give the path of a file"
    ):
        input_paths.check(config(**{section: {"weights": "photos"}}), RESULTS, CATEGORIES)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named():
    Path("photos").chmod(0)
    with pytest.raises(InputError, match=r"photos is photos, but photos cannot be read"):
        input_paths.check(config(), RESULTS, CATEGORIES)
    Path("photos").chmod(0o700)
