"""Our networks and losses against what the published Deep Implicit Templates code gives on one experiment.

The published numbers are float32, computed on one chip. Ours are float64, which differ between chips by about 1e-12 of
their size. The difference is the rounding in the published numbers.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from template3d.evaluation import metrics
from template3d.networks import losses, models
from template3d.networks.deep_implicit_templates import as_phase1, load_deep_implicit_template
from template3d.reconstruction import inference

DATA = Path(__file__).resolve().parents[1] / "data/deep_implicit_templates"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The experiment in the published layout, whose .pth files are pickles."""
    folder = tmp_path_factory.mktemp("experiment")
    shutil.copy(DATA / "specs.json", folder)
    tensors = load_file(DATA / "experiment.safetensors")
    for directory, key, prefix in (
        ("ModelParameters", "model_state_dict", "weights."),
        ("LatentCodes", "latent_codes", "codes."),
    ):
        (folder / directory).mkdir()
        state = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        torch.save({"epoch": 2000, key: state}, folder / directory / "latest.pth")
    return folder


@pytest.fixture
def experiment(folder):
    model, codes = load_deep_implicit_template(folder)
    return model.double(), codes.double()


@pytest.fixture(scope="module")
def expected():
    with np.load(DATA / "expected.npz") as arrays:
        return {name: torch.from_numpy(np.asarray(arrays[name], np.float64)) for name in arrays}


def close(ours, theirs, **tolerance):
    torch.testing.assert_close(ours.detach(), theirs, **tolerance)


def test_warp_and_template_give_the_published_numbers(experiment, expected):
    model, codes = experiment
    absolute = {"rtol": 0, "atol": 1e-5}
    close(codes, expected["codes"], **absolute)
    warped, distances = model.train()(codes, expected["xyz"])
    close(warped, expected["warped"], **absolute)
    close(distances, expected["sdf_pred"], **absolute)
    model.eval()
    close(model.warp(codes, expected["xyz"])[-1], expected["warped_eval"], **absolute)
    close(model.signed_distance(codes, expected["xyz"]), expected["sdf_eval"], **absolute)
    close(model.template(expected["xyz"]), expected["template_sdf"], **absolute)


def test_losses_and_gradients_give_the_published_numbers(experiment, expected):
    model, codes = experiment
    codes = codes.clone().requires_grad_()
    points = expected["xyz"]
    warped, distances = model.train()(codes, points)
    terms = {
        "reconstruction": losses.reconstruction(distances, expected["sdf_true"]),
        "pointwise": losses.pointwise(warped, points),
        "pointpair": losses.pointpair(warped[-1], points),
        "code_norm": losses.code_norm(codes),
    }
    relative = {"rtol": 1e-5, "atol": 0}
    for name, term in terms.items():
        close(term, expected[name], **relative)
    for epoch in (1, 50, 200):
        close(losses.embedding_total(terms, epoch), expected[f"total_epoch_{epoch}"], **relative)
    losses.embedding_total(terms, epoch=200).backward()
    for ours, theirs in (
        (codes.grad, expected["grad_codes_epoch_200"]),
        (model.warp.lstm.weight_hh.grad, expected["grad_lstm_weight_hh_epoch_200"]),
    ):
        assert (ours - theirs).norm() <= 1e-5 * theirs.norm()
        close(ours, theirs, rtol=1e-5, atol=1e-6 * theirs.abs().max().item())


def test_chamfer_gives_the_published_number():
    with np.load(DATA / "chamfer.npz") as case:
        predicted = case["predicted_unit_sphere"] / case["scale"] - case["offset"]
        assert metrics.chamfer(predicted, case["ground_truth"]) == pytest.approx(float(case["chamfer"]), rel=1e-9)


def test_its_template_and_codes_become_meshes(folder, expected, tmp_path):
    phase1 = as_phase1(folder, [f"{index:04x}" for index in range(len(expected["codes"]))])
    models.save(phase1, tmp_path / "model.safetensors", tmp_path / "model.json")
    model = models.load_model(tmp_path / "model.safetensors")
    assert not len(inference.template_mesh(model.decoder, 32, 8).faces)  # the network is positive everywhere
    with torch.no_grad():
        model.decoder.template.output.bias -= expected["template_sdf"].median().atanh()
        meshes = inference.meshes_of(model.decoder, model.codes, 32, 8)
        for code, mesh in zip(model.codes, meshes, strict=True):
            assert len(mesh.faces) > 100
            vertices = torch.tensor(mesh.vertices, dtype=torch.float32)
            assert model.decoder.signed_distance(code[None], vertices[None]).abs().max() < 0.01
        assert len(inference.template_mesh(model.decoder, 32, 8).faces) > 100
