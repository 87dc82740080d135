import runpy
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_each_benchmark_has_what_it_imports(monkeypatch, name):
    monkeypatch.syspath_prepend(BENCHMARKS)  # as when it runs as a program
    assert "main" in runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name=name)


def test_the_meshes_of_the_distance_benchmark_have_an_inside_and_an_outside():
    for mesh, truth in runpy.run_path(str(BENCHMARKS / "sdf.py"), run_name="sdf")["cases"]().values():
        true = truth(np.random.default_rng(0).uniform(-1, 1, size=(2000, 3)))
        assert len(mesh.faces)
        assert 0.005 < (true < 0).mean() < 0.9
