"""Results that were damaged, exchanged or edited are named and made again, and no file of the user's is lost."""

import dataclasses
import os
import shutil

import pytest
from pipeline import snakemake
from template3d.jobs.trust import CHECKED
from template3d.runtime import caches, seals
from template3d.runtime.digests import state_of
from template3d.runtime.seals import path_of

METRICS = "results/metrics/planes/two_phase_test.csv"
ARCHIVE = "results/reconstructions/planes/two_phase/test.zip"


def flip(file, byte=-100):
    content = bytearray(file.read_bytes())
    content[byte] ^= 1
    own = file.with_name(f"{file.name}.own")  # it may have another name, which keeps its content
    own.write_bytes(content)
    own.replace(file)


def hide(folder, *names):
    """Let the next run take files for unchanged since the last one, as after a fault of the disk."""
    states = {name: [state_of(folder / name), state_of(path_of(folder / name))] for name in names}
    caches.write(folder / CHECKED, caches.read(folder / CHECKED) | states)


def causes(workspace, rule):
    return "\n".join(cause for job in workspace.stale() if job.rule == rule for cause in job.causes)


def test_why_names_the_flaw(workspace):
    workspace.stale()
    (workspace.folder / METRICS).write_text("category,shape\n")
    assert f"{METRICS} is not what was written there" in causes(workspace, "evaluate")
    path_of(workspace.folder / ARCHIVE).unlink()
    assert f"{ARCHIVE} has no seal" in causes(workspace, "reconstruct")
    for name in ("model.safetensors", ".model.safetensors.seal"):
        model = workspace.folder / f"results/models/chairs/two_phase/{name}"
        shutil.copy(model, workspace.folder / f"results/models/planes/two_phase/{name}.copy")
        os.replace(  # noqa: PTH105 - it may have another name
            workspace.folder / f"results/models/planes/two_phase/{name}.copy",
            workspace.folder / f"results/models/planes/two_phase/{name}",
        )
    assert "is a copy of results/models/chairs/two_phase/model.safetensors" in causes(workspace, "train_encoder")


def test_a_lost_record_is_replaced_by_the_seal(workspace):
    shutil.rmtree(workspace.folder / "results/records")
    assert not workspace.stale()
    for file in (workspace.folder / "results/data").rglob(".*.seal"):
        result = file.with_name(file.name.removeprefix(".").removesuffix(".seal"))
        seal = seals.read(result)
        dataclasses.replace(seal, inputs=dict.fromkeys(seal.inputs, "0" * 64)).write(result)
    assert "was made from another results/data" in causes(workspace, "sdf")


def test_truncated_records_rerun_nothing(workspace):
    for number, record in enumerate(sorted((workspace.folder / "results/records").iterdir())):
        if record.is_file():
            record.write_bytes(record.read_bytes()[: 100 * (number % 2)])
    assert not workspace.stale()
    workspace.config["evaluate"]["points"] = 600
    assert "was made with other settings or code, as its seal says" in causes(workspace, "evaluate")


def test_a_file_of_the_user_in_the_place_of_a_result_is_set_aside(workspace):
    file = workspace.folder / "results/tables/table1.md"
    file.unlink()
    file.write_text("my notes")
    run = snakemake(workspace.folder, "--", "results/tables/table1.md")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "results/tables/table1.md is not what was written there" in run.stderr
    assert "It is set aside as table1.md.damaged and made again" in run.stderr
    assert file.with_name("table1.md.damaged").read_text() == "my notes"
    assert file.read_text().startswith("# Table 1")


def test_damage_that_nothing_noticed_is_named_by_its_reader_and_the_next_run_heals(workspace):
    table = (workspace.folder / "results/tables/table1.csv").read_bytes()
    workspace.stale()
    flip(workspace.folder / METRICS)
    hide(workspace.folder, METRICS)
    arguments = ("--forcerun", "table1", "--", "results/tables/table1.csv")
    run = snakemake(workspace.folder, *arguments)
    assert run.returncode != 0
    assert f"{METRICS} is not what was written there" in run.stdout + run.stderr
    assert "set aside as two_phase_test.csv.damaged, and the next run makes it again" in run.stdout + run.stderr
    run = snakemake(workspace.folder, *arguments[2:])
    assert run.returncode == 0, run.stdout + run.stderr

    assert (workspace.folder / "results/tables/table1.csv").read_bytes() == table


def test_a_damaged_archive_is_made_again_from_its_sound_members(workspace):
    archive = workspace.folder / "results/data/planes/train-00/sdf.zip"
    whole = archive.read_bytes()
    archive.unlink()
    archive.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    run = snakemake(workspace.folder, "--", "results/models/planes/embeddings/model.safetensors")
    assert run.returncode == 0, run.stdout + run.stderr
    assert archive.read_bytes() == whole
    assert "1 of 4 shapes made" in (workspace.folder / "results/logs/sdf/planes_train-00.log").read_text()


def test_an_older_result_put_back_with_its_seal_is_not_current(workspace):
    before = {file: file.read_bytes() for file in (workspace.folder / METRICS, path_of(workspace.folder / METRICS))}
    workspace.config["evaluate"]["points"] = 400
    run = snakemake(workspace.folder, "--", METRICS, over={"evaluate": {"points": 400}})
    assert run.returncode == 0, run.stdout + run.stderr
    assert METRICS not in causes(workspace, "evaluate")
    for file, content in before.items():
        file.write_bytes(content)
        os.utime(file, (1e9, 1e9))
    assert f"{METRICS} was made with other settings or code" in causes(workspace, "evaluate")


@pytest.mark.parametrize("time", [1e9, None], ids=["older", "of the same time"])
def test_a_mesh_replaced_with_an_older_file_is_noticed(workspace, time):
    mesh = workspace.mesh("train")
    before = mesh.stat()
    assert not workspace.stale()
    other = mesh.with_name("other.obj")
    other.write_text(mesh.read_text() + "# another\n")
    os.utime(other, ns=(before.st_atime_ns, int(time * 1e9) if time else before.st_mtime_ns))
    other.replace(mesh)
    named = f"was made from another {mesh.relative_to(workspace.folder)}, as its seal says"
    assert named in causes(workspace, "prepare")


def test_a_mesh_with_an_older_time_and_the_same_content_reruns_nothing(workspace):
    workspace.stale()
    os.utime(workspace.mesh("train"), (1e9, 1e9))
    assert not workspace.stale()


def test_what_is_no_file_does_not_hang_it(workspace):
    workspace.stale()
    for name in ("results/tables/table1.md", "results/tables/.table2.md.seal", str(CHECKED)):
        (workspace.folder / name).unlink()
        os.mkfifo(workspace.folder / name)
    assert "table1.md is a named pipe, not a regular file" in causes(workspace, "table1")
    assert "table2.md has a damaged seal" in causes(workspace, "table2")
