import copy

import numpy as np
import pytest
import torch
from template3d.data.sample_sets import Samples
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import inference
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.loop import fit
from template3d.training.stage import Schedule


def sphere_samples(radius, count=4000, seed=0):
    points = np.random.default_rng(seed).uniform(-1, 1, size=(count, 3))
    rows = np.column_stack([points, np.linalg.norm(points, axis=1) - radius]).astype(np.float32)
    return {"pos": rows[rows[:, 3] >= 0], "neg": rows[rows[:, 3] < 0]}


@pytest.fixture(scope="module")
def decoder():
    """A decoder of spheres from 0.4 to 0.7."""
    torch.manual_seed(0)
    shapes = Samples([sphere_samples(radius, seed=index) for index, radius in enumerate((0.4, 0.5, 0.6, 0.7))])
    settings = EmbeddingSettings(4, 256, learning_rate_warp=2e-3, learning_rate_template=4e-3, learning_rate_codes=1e-2)
    stage = EmbeddingStage(ImplicitTemplate(4, 32, 4, [32, 32], 0.0), shapes, settings, LossSettings(1e-4, 2e-5))
    fit(stage, Schedule(300, 150, "32"), "spheres")
    return stage.decoder


def mean_radius(mesh):
    return float(np.linalg.norm(mesh.vertices, axis=1).mean())


def generators(count):
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_a_fitted_code_does_not_depend_on_the_other_shapes(decoder):
    unseen = [sphere_samples(radius, seed=9) for radius in (0.45, 0.55, 0.65)]
    settings = inference.FitSettings(steps=20, points=64, learning_rate=2e-2)
    together = inference.fit_codes(decoder, Samples(unseen), settings, generators(3))
    alone = inference.fit_codes(decoder, Samples(unseen[1:2]), settings, generators(3)[1:2])
    assert torch.equal(alone[0], together[1])


def test_a_code_fitted_to_a_shape_that_was_never_seen_gives_that_shape(decoder):
    before = {name: value.clone() for name, value in decoder.state_dict().items()}
    unseen = Samples([sphere_samples(radius, seed=9) for radius in (0.45, 0.65)])
    settings = inference.FitSettings(steps=300, points=512, learning_rate=2e-2)
    codes = inference.fit_codes(decoder, unseen, settings, generators(2))
    assert codes.shape == (2, 4)
    assert all(torch.equal(value, before[name]) for name, value in decoder.state_dict().items())
    exact, codes = copy.deepcopy(decoder).double(), codes.double()  # else rounding may flip the sign of a corner near 0
    small, large = inference.meshes_of(exact, codes, resolution=48, coarse=12)
    np.testing.assert_allclose([mean_radius(small), mean_radius(large)], [0.45, 0.65], atol=0.03)
    for code, mesh in zip(codes, (small, large), strict=True):  # alone or with others: the same mesh
        (alone,) = inference.meshes_of(exact, code[None], resolution=48, coarse=12)
        np.testing.assert_array_equal(alone.faces, mesh.faces)
        np.testing.assert_allclose(alone.vertices, mesh.vertices, atol=1e-5)


def test_the_template_becomes_a_mesh_without_a_code(decoder):
    template = inference.template_mesh(decoder, resolution=48, coarse=12)
    assert 0.3 < mean_radius(template) < 0.8
