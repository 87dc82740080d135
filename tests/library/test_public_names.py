"""The stable names of the package."""

import subprocess
import sys

import numpy as np
import pytest
import template3d
import trimesh


def test_importing_the_package_loads_nothing_else():
    program = "import sys; before = set(sys.modules); import template3d; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "trimesh", "bpy"} & set(run.stdout.split())


@pytest.mark.parametrize("name", template3d.__all__)
def test_each_public_name_is_a_documented_function(name):
    assert getattr(template3d, name).__doc__
    assert name in dir(template3d)


def test_a_name_that_is_not_public_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'chamfers'"):
        _ = template3d.chamfers


def test_distances_and_samples_of_a_sphere():
    sphere = trimesh.creation.icosphere(4, 0.5)
    distances = template3d.signed_distances(sphere, np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(
        distances, [-0.5, 0.5], atol=1e-3
    )  # facets lie below the sphere: 1 - cos of half an edge
    samples = template3d.sample_sdf(sphere, 1000, np.random.default_rng(0))
    assert samples["pos"].shape[1] == samples["neg"].shape[1] == 4
    assert len(samples["pos"]) + len(samples["neg"]) == 1000
    assert template3d.chamfer(sphere.vertices, sphere.vertices) == 0
