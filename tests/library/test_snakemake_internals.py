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
