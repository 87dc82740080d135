import json
import os
import resource
import time

import pytest
import stages
import torch
from template3d.data import codes
from template3d.networks import models
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.origin import Origin
from template3d.runtime import seals
from template3d.runtime.errors import InputError


def test_a_model_survives_the_disk(tmp_path):
    decoder, encoder = ImplicitTemplate(**stages.SIZES), Encoder(8).eval()
    model = models.Model(decoder, stages.SIZES, torch.randn(3, 8), ["aa", "bb", "cc"], encoder, 32)
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    loaded = models.load_model(tmp_path / "model.safetensors")
    points, images = torch.rand(3, 10, 3), torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    for module, original in ((loaded.decoder, decoder), (loaded.encoder, encoder)):
        for value, expected in zip(module.state_dict().values(), original.state_dict().values(), strict=True):
            assert torch.equal(value, expected)
    assert torch.equal(loaded.codes, model.codes)
    # rounding depends on memory addresses
    torch.testing.assert_close(
        loaded.decoder.signed_distance(loaded.codes, points), decoder.signed_distance(model.codes, points)
    )
    torch.testing.assert_close(loaded.encode(images), model.encode(images))
    assert (loaded.shapes, loaded.image_size) == (["aa", "bb", "cc"], 32)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read"):
        models.load_model(tmp_path / "model.safetensors")


@pytest.fixture
def saved(tmp_path):
    """The files of a model with an encoder."""
    model = models.Model(
        ImplicitTemplate(**stages.SIZES), stages.SIZES, torch.randn(2, 8), ["aa", "bb"], Encoder(8), 32
    )
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    return tmp_path / "model.safetensors"


def edited(weights, *path, value):
    description = weights.with_suffix(".json")
    facts = json.loads(description.read_text())
    at = facts
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    description.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("decoder", "warp_steps"), 10**9, "warp_steps is 1000000000, but must be a whole number from 1 to 64"),
        (("decoder", "warp_steps"), 6, "warp_steps is 6, but must be a multiple of 4"),
        (("decoder", "warp_steps"), 4.0, "warp_steps is 4.0, but must be a whole number"),
        (("decoder", "warp_steps"), True, "warp_steps is True, but must be a whole number"),
        (("decoder", "warp_hidden"), 10**6, r"model\.safetensors: does not fit .*model\.json"),
        (("decoder", "warp_hidden"), 10**30, r"warp_hidden is 10{30}, but must be a whole number from 1 to 10000000"),
        (("decoder", "code_length"), 10**7, r"model\.safetensors: does not fit .*model\.json"),
        (("decoder", "code_length"), 0, "code_length is 0, but must be a whole number from 1"),
        (("decoder", "code_length"), "8", "code_length is '8', but must be a whole number from 1"),
        (("decoder", "template_hidden"), [10**6, 10**6], r"model\.safetensors: does not fit .*model\.json"),
        (("decoder", "template_hidden"), [16] * 10**6, "template_hidden must be a list of 1 to 64 widths"),
        (("decoder", "template_hidden"), 16, "template_hidden must be a list"),
        (("decoder", "template_hidden"), [16, None], "a width in template_hidden is None"),
        (("decoder", "dropout"), 1, "dropout is 1, but must be a number from 0 to less than 1"),
        (("decoder", "more"), 1, "describes no network; it must give code_length"),
        (("decoder",), None, "describes no network"),
        (("image_size",), 10**9, "image_size is 1000000000, but must be a whole number from 1 to 4096"),
        (("backbone",), "resnet1000", "backbone is 'resnet1000', but there is no such backbone"),
        (("backbone",), 18, "backbone is 18, but there is no such backbone"),
        (("backbone",), "vit_h_14", r"model\.safetensors: does not fit .*model\.json"),
        (("shapes",), ["aa"], r"has codes \(2, 8\), but .*model\.json describes \(1, 8\)"),
        (("shapes",), "ab", "shapes must be a list of ids of shapes"),
        (("shapes",), ["aa", 2], "shapes must be a list of ids of shapes"),
        (("shapes",), ["aa", "aa"], "lists a shape more than once"),
        (("trained_on",), "chairs", "trained_on is 'chairs', but must give category, shapes and built_in"),
        (("trained_on",), {"category": "chairs", "shapes": 0, "built_in": True}, "trained_on is .*, but must give"),
        (("trained_on",), {"category": "chairs", "shapes": 2, "built_in": 1}, "trained_on is .*, but must give"),
        (("trained_on",), {"category": "chairs", "shapes": 2}, "trained_on is .*, but must give"),
    ],
)
def test_a_description_with_an_absurd_value_is_refused_by_name_before_it_takes_memory(saved, path, value, reason):
    edited(saved, *path, value=value)
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=reason) as refused:
        models.load_model(saved)
    assert str(saved.parent) in str(refused.value)
    assert time.process_time() - started < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KiB
    if path == ("shapes",):
        with pytest.raises(InputError):
            codes.read(saved)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("decoder", "warp_steps"), 64),
        (("image_size",), 33),
        (("shapes",), ["bb", "aa"]),
        (("decoder", "dropout"), 0.5),
    ],
)
def test_a_description_that_fits_and_is_of_another_model_is_refused(saved, path, value):
    edited(saved, *path, value=value)
    with pytest.raises(InputError, match=r"model\.json: is not the description of model\.safetensors"):
        models.load_model(saved)


def test_a_model_says_what_it_has_seen_and_one_of_an_earlier_version_does_not(saved):
    assert models.load_model(saved).trained_on is None
    model = models.load_model(saved)
    for built_in, words in ((True, "do not expect the shape of a real object"), (False, "never seen a real photo")):
        model.trained_on = Origin("chairs", 2, built_in)
        models.save(model, saved, saved.with_suffix(".json"))
        loaded = models.load_model(saved).trained_on
        assert loaded == model.trained_on
        assert loaded.advice.endswith(words)


@pytest.mark.parametrize("content", ["[]", "3", '{"decoder": {}}', "[" * 10**5])
def test_a_file_that_describes_no_model_is_refused_by_name(saved, content):
    saved.with_suffix(".json").write_text(content)
    with pytest.raises(InputError, match="model"):
        models.load_model(saved)


def test_a_model_that_is_no_regular_file_is_refused(saved):
    for file in (saved, saved.with_suffix(".json")):
        content = file.read_bytes()
        file.unlink()
        os.mkfifo(file)
        for read in (models.load_model, codes.read):
            with pytest.raises(InputError, match=f"{file.name}: is a named pipe"):
                read(saved)
        file.unlink()
        file.write_bytes(content)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet18_half", "regnet_x_400mf", "googlenet"])
def test_every_kind_of_backbone_survives_the_disk(tmp_path, backbone):
    encoder = Encoder(8, backbone=backbone).eval()
    model = models.Model(ImplicitTemplate(**stages.SIZES), stages.SIZES, torch.randn(1, 8), ["aa"], encoder, 64)
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    loaded = models.load_model(tmp_path / "model.safetensors").encoder
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(loaded(images), encoder(images))
    for value, original in zip(loaded.parameters(), encoder.parameters(), strict=True):
        assert value.stride() == original.stride()
        assert value.requires_grad


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_sealed_model_with_a_flipped_bit_is_refused_by_name(tmp_path, name):
    model = models.Model(ImplicitTemplate(**stages.SIZES), stages.SIZES, torch.randn(3, 8), ["aa", "bb", "cc"])
    weights, description = tmp_path / "model.safetensors", tmp_path / "model.json"
    models.save(model, weights, description)
    for file in (weights, description):
        seals.Seal(f"results/{file.name}", seals.digest(file), "made from", "train_embeddings").write(file)
    models.load_model(weights)
    content = bytearray((tmp_path / name).read_bytes())
    content[-7] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name} is not what was written there: .*copy the model's folder again"):
        models.load_model(weights)
