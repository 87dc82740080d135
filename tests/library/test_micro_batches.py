"""A step in parts has the loss and the gradients of the whole; a GPU that is too small falls back to it."""

import pytest
import stages
import torch
from template3d.runtime.errors import InputError
from template3d.training import embeddings, footprint
from template3d.training.loop import fit
from template3d.training.stage import Schedule

SIZES = {"code_length": 256, "warp_hidden": 512, "warp_steps": 8, "template_hidden": [256] * 5, "dropout": 0.05}
"""The paper's."""


def loss_and_gradients(name, micro_batch):
    stage = stages.make(name, plain=True)
    stage.micro_batch = micro_batch
    batch = next(iter(stage.batches(1, torch.Generator().manual_seed(0))))
    terms = stage(150, *stage.augment(*batch))
    terms["total"].backward()
    return terms, {key: value.grad for key, value in stage.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("name", ["embeddings", "end_to_end"])
def test_parts_have_the_loss_and_gradients_of_the_whole(name):
    terms, gradients = loss_and_gradients(name, None)
    in_parts, same = loss_and_gradients(name, 1)
    assert terms.keys() == in_parts.keys()
    for key in terms:
        torch.testing.assert_close(in_parts[key], terms[key], rtol=1e-12, atol=0)
    assert gradients.keys() == same.keys()
    assert gradients
    for key in gradients:
        torch.testing.assert_close(same[key], gradients[key], rtol=1e-9, atol=1e-15)


def test_uneven_parts_count_by_their_size():
    stage = stages.make("embeddings", plain=True)
    draw = stage.samples.draw(torch.arange(3), 64, torch.Generator().manual_seed(0))
    points, distances = (part.double() for part in draw)
    arguments = (stage.decoder, stage.codes.weight[:3], points, distances, stage.loss, 150)
    whole, parts = (embeddings.terms_in_parts(*arguments, micro) for micro in (None, 2))
    for key in whole:
        torch.testing.assert_close(parts[key], whole[key], rtol=1e-12, atol=0)


def short_of_memory(monkeypatch, shapes):
    """Let a step run out of a pretended GPU's memory if a part has more than so many shapes."""
    terms = embeddings.embedding_terms

    def or_out_of_memory(decoder, codes, *others):
        if len(codes) > shapes:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return terms(decoder, codes, *others)

    monkeypatch.setattr(embeddings, "embedding_terms", or_out_of_memory)


def test_a_step_that_does_not_fit_goes_in_parts(monkeypatch, caplog):
    schedule = Schedule(3, 10, accelerator="cpu")
    stage, whole = stages.make("embeddings", plain=True), stages.make("embeddings", plain=True)
    expected = fit(whole, schedule, "whole")
    short_of_memory(monkeypatch, shapes=1)
    history = fit(stage, schedule, "in parts")
    assert "the GPU's memory is short; a step goes in parts of 1 shapes" in caplog.text
    for row, same in zip(history, expected, strict=True):
        assert row == pytest.approx(same, rel=1e-6)


@pytest.mark.parametrize(("name", "keys"), [("embeddings", "points_per_scene"), ("encoder", "batch_size")])
def test_a_step_that_never_fits_says_what_to_change(name, keys, monkeypatch):
    stage = stages.make(name)
    short_of_memory(monkeypatch, shapes=0)
    if name == "encoder":

        def out_of_memory(*_):
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(stage.encoder, "forward", out_of_memory)
    with pytest.raises(InputError, match=rf"memory is too small for a step; make it smaller .*{keys}.*checkpoint is"):
        fit(stage, Schedule(1, 10, accelerator="cpu"), "test")


def test_the_papers_step_takes_what_was_measured():
    """23.5 GB in 32 bits and 11.9 in bf16 were measured; parts take their share."""
    assert footprint.decoder_step(SIZES, 24, 5000, bf16=False) == pytest.approx(23.5e9, rel=0.03)
    assert footprint.decoder_step(SIZES, 24, 5000, bf16=True) == pytest.approx(11.9e9, rel=0.03)
    assert footprint.decoder_step(SIZES, 6, 5000, bf16=False) == pytest.approx(23.5e9 / 4, rel=0.03)


def test_a_step_counts_the_stages_networks():
    settings = {
        "phase1": SIZES | {"scenes_per_batch": 24, "points_per_scene": 5000, "precision": "32"},
        "encoder": {"backbone": "resnet18", "image_size": 224},
        "phase2": {"batch_size": 512, "precision": "bf16"},
        "end_to_end": {"scenes_per_batch": 24, "points_per_scene": 5000, "precision": "32"},
    }
    assert footprint.step("phase1", settings, gpus=0) == 0
    phase1, phase2 = (footprint.step(section, settings, gpus=1) for section in ("phase1", "phase2"))
    assert phase1 == pytest.approx(1.1 * 23.5e9, rel=0.03)
    assert 4e9 < phase2 < 8e9
    assert phase1 < footprint.step("end_to_end", settings, gpus=1) < phase1 + phase2
    assert footprint.step("phase1", settings, gpus=4) == pytest.approx(phase1 / 4, rel=0.01)
