"""The photos of a category: what is written for each, under any name, and what a later run may delete."""

import dataclasses
import os

import numpy as np
import pytest
import stages
import torch
from PIL import Image
from template3d.data import photos
from template3d.jobs.photos import PhotoReconstructor
from template3d.networks.calibration import Calibration
from template3d.runtime import seals
from template3d.runtime.limits import USUAL

ISOSURFACE = {"resolution": 16, "coarse": 8}
STRANGE = ["{x}.png", "{{.png", "a b.png", "$x^{$.png", "_^%#&\\.png", "*?[.png", "-o.png", "é.png", "new\nline.png"]
STRANGE += [os.fsdecode(b"\xff\xfe.png"), f"{'n' * 236}.png", "~.png", "'\"`.png", ".hidden.png"]


@pytest.fixture(scope="module")
def model():
    return stages.sphere_model()


@pytest.fixture
def folders(tmp_path):
    """The folders of photos and of their results, both empty."""
    for name in ("photos", "results"):
        (tmp_path / name).mkdir()
    return tmp_path / "photos", tmp_path / "results"


def draw(file):
    array = np.full((60, 80, 3), 240, np.uint8)
    array[20:40, 30:60] = (200, 30, 30)
    Image.fromarray(array).save(file, format="PNG")


def reconstruct(folders, model, methods=("two_phase",)):
    """Reconstruct all photos as the job does; the rows of the table by photo, and the files that were written."""
    table = folders[1] / "photos.csv"
    job = PhotoReconstructor(dict.fromkeys(methods, model), table, ISOSURFACE, USUAL)
    rows, written = job.rows(photos.listed(folders[0]))
    table.write_text(rows.to_csv(index=False))
    members = {str(file.relative_to(folders[1])): seals.digest(file) for file in written}
    seals.Seal(str(table), seals.digest(table), "made from", "photos", members=members).write(table)
    return rows.set_index("photo"), set(members)


def test_photos_become_meshes_and_a_table(folders, model):
    draw(folders[0] / "a.png")
    (folders[0] / "b.png").write_bytes(b"no image")
    rows, written = reconstruct(folders, model)
    assert rows["status"].to_dict() == {"a.png": "ok", "b.png": "unusable"}
    assert rows["background"]["a.png"] == "border"
    assert rows["confidence"]["a.png"] == "not known (this model has no calibration)"
    assert "cannot be read" in rows["reason"]["b.png"]
    assert written == {"a.glb", "a.ply", "a.png", "a.pdf", "b.png", "b.pdf"}


def test_each_method_has_its_confidence(folders, model):
    draw(folders[0] / "a.png")
    size = model.encoder.head.in_features
    known = dataclasses.replace(model, calibration=Calibration(torch.zeros(size), torch.eye(size), torch.tensor([0.0])))
    job = PhotoReconstructor({"two_phase": model, "end_to_end": known}, folders[1] / "photos.csv", ISOSURFACE, USUAL)
    (confidence,) = job.rows(photos.listed(folders[0]))[0]["confidence"]
    assert confidence.startswith("two-phase: not known (this model has no calibration); end-to-end: low (farther from")


def test_results_of_photos_that_are_gone_are_deleted(folders, model):
    draw(folders[0] / "a.png")
    draw(folders[0] / "b.png")
    reconstruct(folders, model, ("two_phase", "end_to_end"))
    (folders[0] / "b.png").unlink()
    _, written = reconstruct(folders, model)
    assert written == {"a.glb", "a.ply", "a.png", "a.pdf"}
    assert {file.name for file in folders[1].rglob("*") if file.is_file() and file.name[0] != "."} == written | {
        "photos.csv"
    }


@pytest.mark.parametrize("damaged_seal", [False, True])
def test_files_of_the_user_beside_the_results_are_neither_deleted_nor_replaced(folders, model, damaged_seal):
    draw(folders[0] / "a.png")
    draw(folders[0] / "b.png")
    draw(folders[0] / "c.png")
    users_files = ["holiday.png", "scan.ply", "c.glb", "notes.pdf"]
    for name in users_files:
        (folders[1] / name).write_text("the only copy")
    rows, _ = reconstruct(folders, model)
    assert rows["status"].to_dict() == {"a.png": "ok", "b.png": "ok", "c.png": "unusable"}
    assert "c.glb is no result of this workflow; move it" in rows["reason"]["c.png"]
    (folders[1] / "a.glb").write_text("edited by hand")
    (folders[0] / "b.png").unlink()
    if damaged_seal:
        seals.path_of(folders[1] / "photos.csv").write_text("{")
    reconstruct(folders, model)
    assert all((folders[1] / name).read_text() == "the only copy" for name in users_files)
    assert (folders[1] / "a.glb.damaged").read_text() == "edited by hand"
    assert (folders[1] / "a.glb").stat().st_size > 1000
    assert not (folders[1] / "b.glb").exists()


def test_what_a_killed_run_wrote_is_written_again(folders, model):
    draw(folders[0] / "a.png")
    _, written = reconstruct(folders, model)
    seals.path_of(folders[1] / "photos.csv").unlink()
    rows, again = reconstruct(folders, model)
    assert rows["status"]["a.png"] == "ok"
    assert again == written


@pytest.mark.parametrize("names", [["blue.png", "blue.end_to_end.png"], ["end_to_end.png", "two_phase.png"]])
def test_results_of_two_photos_and_methods_have_different_names(folders, model, names):
    for name in names:
        draw(folders[0] / name)
    rows, written = reconstruct(folders, model, ("two_phase", "end_to_end"))
    assert set(rows["status"]) == {"ok"}
    assert len(written) == 2 * (2 * 2 + 2)


def test_two_photos_whose_results_would_have_one_name_are_told_apart(folders, model):
    draw(folders[0] / "a.png")
    draw(folders[0] / "a.webp")
    rows, _ = reconstruct(folders, model)
    assert rows["status"].to_dict() == {"a.png": "ok", "a.webp": "unusable"}
    assert "another photo has the same name but for its ending" in rows["reason"]["a.webp"]


def test_photos_may_have_any_name(folders, model):
    for name in STRANGE:
        draw(folders[0] / name)
    rows, written = reconstruct(folders, model)
    assert set(rows.index) == {photos.cell(name) for name in STRANGE}
    assert rows["status"].tolist() == ["ok"] * len(STRANGE), rows["reason"].tolist()
    assert len(written) == 4 * len(STRANGE)
    assert all(name.isprintable() and name.encode() for name in rows.index)


def test_what_is_no_photo_is_unusable_by_name_and_the_rest_is_made(folders, model, tmp_path):
    draw(folders[0] / "good.png")
    (folders[0] / "folder.png").mkdir()
    (folders[0] / "dangling.png").symlink_to(tmp_path / "nothing")
    (folders[0] / "loop.png").symlink_to(folders[0] / "loop.png")
    (folders[0] / "empty.png").touch()
    os.mkfifo(folders[0] / "pipe.png")
    draw(folders[0] / f"{'n' * 251}.png")  # no mask and no result can have a longer name
    rows, _ = reconstruct(folders, model)
    assert rows["status"].drop("good.png").drop(f"{'n' * 251}.png").unique().tolist() == ["unusable"]
    assert rows["status"]["good.png"] == "ok"
    assert all(photo in reason for photo, reason in rows["reason"].dropna().items())


def test_no_cell_of_the_table_is_a_formula(folders, model):
    names = ["=1+1.png", "+a.png", "-a.png", "@a.png", "\t=a.png", "'=1+1.png"]
    for name in names[1:]:
        draw(folders[0] / name)
    (folders[0] / names[0]).touch()  # no photo
    rows, _ = reconstruct(folders, model)
    assert set(rows.index) == {"'=1+1.png", "'+a.png", "'-a.png", "'@a.png", "\\t=a.png", "''=1+1.png"}
    assert rows["status"].to_dict() == {name: "unusable" if name == "'=1+1.png" else "ok" for name in rows.index}
