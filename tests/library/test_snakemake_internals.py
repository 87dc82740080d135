import os
import sys
from types import SimpleNamespace

import pytest
from snakemake.resources import Resource
from template3d.jobs import snakemake_internals


@pytest.mark.parametrize(("folder", "name"), [("/a b/bin", "python"), ("/ab/bin", "/ab/bin/python")])
def test_an_interpreter_whose_path_a_shell_would_split_is_found_by_name(monkeypatch, folder, name):
    monkeypatch.setattr(sys, "executable", f"{folder}/python")
    monkeypatch.setenv("PATH", "/usr/bin")
    snakemake_internals.find_interpreter_by_path()
    assert sys.executable == name
    assert os.environ["PATH"] == ("/a b/bin:/usr/bin" if name == "python" else "/usr/bin")


@pytest.mark.parametrize(("limit", "allowed"), [(1, 4), (8, 8), (None, None)])
def test_a_job_may_take_all_its_gpus(limit, allowed):
    resources = {} if limit is None else {"gpu": Resource("gpu", limit)}
    snakemake_internals.allow_gpus(SimpleNamespace(global_resources=resources), 4)
    assert {name: resource.value for name, resource in resources.items()} == ({} if limit is None else {"gpu": allowed})


def test_records_of_an_earlier_run_move_to_the_results(tmp_path):
    metadata, records = tmp_path / ".snakemake/metadata", tmp_path / "results/records"
    (metadata / "@long").mkdir(parents=True)
    (metadata / "@long/name").write_text("{}")
    (metadata / "short").write_text("old")
    records.mkdir(parents=True)
    (records / "short").write_text("new")
    for _ in range(2):  # the second time, there is nothing to do
        snakemake_internals.keep_records_with_results(tmp_path, records)
        assert (metadata / "@long/name").read_text() == "{}"
        assert (metadata / "short").read_text() == "new"
        assert (records / "@long/name").exists()
    tmp_path.rename(tmp_path.with_name("moved"))
    assert (tmp_path.with_name("moved") / ".snakemake/metadata/short").read_text() == "new"
