import re
import shutil

import numpy as np
import pytest
import stages
import torch
import torch._dynamo.utils
from template3d.data import archives, samples
from template3d.data.images import Views
from template3d.data.memory import Memory
from template3d.data.sample_sets import Samples
from template3d.networks import models
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.projection import Projection
from template3d.runtime.errors import InputError
from template3d.training.contrastive import ContrastiveSettings, ContrastiveStage
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.end_to_end import EndToEndSettings, EndToEndStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

SIZES = {"code_length": 8, "warp_hidden": 16, "warp_steps": 4, "template_hidden": [32, 32], "dropout": 0.0}


def spheres(radii):
    """The samples of spheres, exact."""
    rng = np.random.default_rng(0)
    shapes = []
    for radius in radii:
        points = rng.uniform(-1, 1, size=(4000, 3)).astype(np.float32)
        rows = np.column_stack([points, np.linalg.norm(points, axis=1) - radius]).astype(np.float32)
        shapes.append({"pos": rows[rows[:, 3] >= 0], "neg": rows[rows[:, 3] < 0]})
    return Samples(shapes)


def train(epochs, shapes, precision="32"):
    torch.manual_seed(0)
    stage = EmbeddingStage(
        ImplicitTemplate(**SIZES), shapes, EmbeddingSettings(4, 256, 3e-3, 3e-3, 1e-2), LossSettings()
    )
    return stage, fit(stage, Schedule(epochs, 1000, precision), "test")


@pytest.mark.parametrize("precision", ["32", "tf32", "bf16"])
def test_phase_1_learns_spheres_of_different_size(precision):
    stage, history = train(150, spheres([0.3, 0.4, 0.5, 0.6]), precision)
    assert torch.get_float32_matmul_precision() == ("high" if precision == "tf32" else "highest")
    assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
    assert history[-1]["reconstruction"] < 0.35 * history[0]["reconstruction"]
    along = torch.linspace(0.1, 0.9, 50)[:, None] * torch.tensor([[1.0, 0, 0]])
    with torch.no_grad():
        found = stage.decoder.signed_distance(stage.codes.weight, along.expand(4, -1, -1))
    crossings = (found < 0).sum(dim=1)
    assert (crossings.diff() > 0).all()  # a larger sphere is inside for longer


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_compiled_steps_are_the_same_and_an_epoch_compiles_nothing_anew():
    torch._dynamo.reset()
    before = torch._dynamo.utils.counters["frames"]["ok"]
    histories = [
        fit(stages.make("embeddings", plain=True), Schedule(5, 3, compile=compiled, accelerator="cpu"), "test")
        for compiled in (False, True)
    ]
    for row, same in zip(*histories, strict=True):
        assert row["total"] == pytest.approx(same["total"], rel=1e-6)  # in float64, but for the history's float32
    assert torch._dynamo.utils.counters["frames"]["ok"] - before == 2  # the first epoch, and all others


def test_compiled_steps_without_a_compiler_are_an_error_that_says_what_to_do(monkeypatch):
    chosen = {"epochs": 1, "halve_every": 1, "precision": "32", "compile": True}
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"no-such-compiler is not on the PATH; install g\+\+"):
        Schedule.of(chosen, seed=0, gpus=0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("CC", "no-such-c")
    with pytest.raises(InputError, match="no-such-c is not on the PATH; install gcc"):
        Schedule.of(chosen, seed=0, gpus=1)
    assert not Schedule.of(chosen | {"compile": False}, seed=0, gpus=0).compile


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({}, "32"),  # not x86
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "32"),
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
    ],
)
def test_auto_is_bf16_only_where_the_processor_has_it(monkeypatch, capabilities, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    chosen = {"epochs": 1, "halve_every": 1, "precision": "auto", "compile": False}
    assert Schedule.of(chosen, seed=0, gpus=0).precision == precision
    assert Schedule.of(chosen | {"precision": "bf16"}, seed=0, gpus=0).precision == "bf16"


@pytest.mark.parametrize("supported", [True, False])
def test_auto_is_bf16_only_where_the_gpu_has_it(monkeypatch, supported):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported or including_emulation)
    chosen = {"epochs": 1, "halve_every": 1, "precision": "auto", "compile": False}
    assert Schedule.of(chosen, seed=0, gpus=1).precision == ("bf16" if supported else "32")


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_places_and_distances_reach_the_networks_as_they_are(precision):
    stage, seen = stages.make("embeddings"), []
    forward = stage.forward
    stage.forward = lambda epoch, *batch: seen.append(batch) or forward(epoch, *batch)
    fit(stage, Schedule(1, 1, precision, accelerator="cpu"), "test")
    drawn = list(stage.batches(1, torch.Generator().manual_seed(0)))
    for step, same in zip(seen, drawn, strict=True):
        for part, wanted in zip(step, same, strict=True):
            assert torch.equal(part, wanted)


def test_a_training_can_be_watched(tmp_path, caplog):
    caplog.set_level("INFO")
    history = fit(stages.make("end_to_end"), Schedule(3, 2, accelerator="cpu"), "watched", board=tmp_path)
    board = EventAccumulator(str(tmp_path)).Reload()
    assert set(board.Tags()["scalars"]) == set(history[0]) - {"epoch", "step"}
    written = [(event.step, event.value) for event in board.Scalars("total")]
    assert written == [(row["epoch"], pytest.approx(row["total"], rel=1e-6)) for row in history]
    assert set(board.Tags()["images"]) == {"template", "shape_0", "shape_1"}
    *_, last = (record.message for record in caplog.records if record.name.endswith("progress"))
    assert last.startswith(f"watched: epoch 3 of 3, step {history[-1]['step']}: total {history[-1]['total']:.4g}, ")
    assert re.search(r"rate_warp .*[\d,]+ points a second, [\d.]+ % of the time waiting for data; 0 s to go$", last)


def test_training_is_deterministic():
    (first, one), (second, two) = (train(3, spheres([0.3, 0.5])) for _ in range(2))
    assert [row["total"] for row in one] == [row["total"] for row in two]
    for ours, theirs in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_learning_rates_are_halved_on_time():
    torch.manual_seed(0)
    stage = EmbeddingStage(ImplicitTemplate(**SIZES), spheres([0.4]), EmbeddingSettings(1, 64), LossSettings())
    rates = [row["rate_warp"] for row in fit(stage, Schedule(4, 2), "test")]
    assert rates == [5e-4, 2.5e-4, 2.5e-4, 1.25e-4]


def test_a_loss_that_explodes_stops_the_run():
    shapes = spheres([0.4])
    shapes.tables["pos"][:, 3] = float("nan")
    with pytest.raises(
        FloatingPointError, match=r"test: the loss broke at about step 1: total, reconstruction is not fin"
    ):
        train(2, shapes)


def test_a_loss_that_grows_a_hundredfold_stops_the_run():
    torch.manual_seed(0)
    settings = EmbeddingSettings(1, 64, rate_template=1e3, rate_warp=1e3)
    stage = EmbeddingStage(ImplicitTemplate(**SIZES), spheres([0.4]), settings, LossSettings(pointwise_weight=100.0))
    with pytest.raises(FloatingPointError, match=r"exploded .*'warp': 1000.0"):
        fit(stage, Schedule(100, 1000), "test")


def test_a_new_template_starts_where_the_loss_has_a_gradient():
    for seed in range(50):
        torch.manual_seed(seed)
        with torch.no_grad():
            distances = ImplicitTemplate(32, 96, 4, [96] * 5).template(2 * torch.rand(500, 3) - 1)
        assert (distances.abs() < LossSettings().clamp).float().mean() > 0.5


def test_half_of_a_batch_lies_inside():
    points, distances = spheres([0.3, 0.6]).draw(torch.tensor([1, 0, 1]), 64, torch.Generator().manual_seed(0))
    assert points.shape == (3, 64, 3)
    assert ((distances < 0).sum(dim=1) == 32).all()
    radii = torch.tensor([0.6, 0.3, 0.6])[:, None]
    torch.testing.assert_close(points.norm(dim=-1) - radii, distances)


def test_what_is_drawn_does_not_depend_on_where_the_samples_live(tmp_path):
    shapes = {"aaaa": 0.3, "bbbb": 0.6}
    drawn = {shape: spheres([radius]) for shape, radius in shapes.items()}
    content = {shape: {side: table.numpy() for side, table in held.tables.items()} for shape, held in drawn.items()}
    shard = tmp_path / "sdf.zip"
    archives.update(
        shard,
        dict.fromkeys(shapes, "1"),
        lambda stale: ((s, {samples.member_name("03001627", s): samples.to_bytes(content[s])}) for s in stale),
    )
    found = [
        Samples.read([shard], "03001627", list(shapes), Memory(ram_gb=ram)).draw(
            torch.tensor([1, 0, 1]),
            9000,
            torch.Generator().manual_seed(0),  # more than the smaller side has
        )
        for ram in (1.0, 0.0)
    ]
    for first, second in zip(*found, strict=True):
        assert torch.equal(first, second)
    with pytest.raises(InputError, match="cccc: no samples on both sides"):
        Samples.read([shard], "03001627", ["cccc"], Memory())
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        Samples.read([shard], "03001627", list(shapes), Memory())


def test_phase_2_learns_which_image_is_which_shape():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
    shapes = torch.arange(16) % 2
    images[shapes == 1, :, :, :16] = 0  # one shape is dark on the left
    codes = torch.tensor([[0.5, -0.5], [-0.5, 0.5]])
    stage = EncoderStage(Encoder(2), Views(images, shapes), codes, EncoderSettings(batch=8, colour_jitter=0.1))
    history = fit(stage, Schedule(50, 20), "test")
    assert history[-1]["l1_per_entry"] < 0.4 * history[0]["l1_per_entry"]
    with torch.no_grad():
        predicted = stage.encoder(images)
    assert torch.equal(predicted.sign(), codes[shapes].sign())


def test_a_frozen_trunk_stays_as_it_is():
    encoder = Encoder(2, freeze_trunk=True).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    stage = EncoderStage(encoder, Views(images, torch.arange(4)), torch.zeros(4, 2), EncoderSettings(batch=4))
    fit(stage, Schedule(2, 100), "test")
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]) == (not name.startswith("trunk.fc."))


def test_a_model_survives_the_disk(tmp_path):
    decoder, encoder = ImplicitTemplate(**SIZES), Encoder(8).eval()
    model = models.Model(decoder, SIZES, torch.randn(3, 8), ["aa", "bb", "cc"], encoder, 32)
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    loaded = models.load_model(tmp_path / "model.safetensors")
    points, images = torch.rand(3, 10, 3), torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    for found, kept in ((loaded.decoder, decoder), (loaded.encoder, encoder)):
        for value, wanted in zip(found.state_dict().values(), kept.state_dict().values(), strict=True):
            assert torch.equal(value, wanted)
    assert torch.equal(loaded.codes, model.codes)
    # not to the last bit: kernels may round by where in memory numbers lie
    torch.testing.assert_close(
        loaded.decoder.signed_distance(loaded.codes, points), decoder.signed_distance(model.codes, points)
    )
    torch.testing.assert_close(loaded.encode(images), model.encode(images))
    assert (loaded.shapes, loaded.image_size) == (["aa", "bb", "cc"], 32)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read"):
        models.load_model(tmp_path / "model.safetensors")


def test_encoder_weights_come_from_a_path_or_not_at_all(tmp_path):
    encoder, other = Encoder(2), Encoder(2)
    torch.save(other.trunk.state_dict(), tmp_path / "resnet18.pth")
    encoder.load_trunk(str(tmp_path / "resnet18.pth"))
    assert torch.equal(encoder.trunk.conv1.weight, other.trunk.conv1.weight)
    assert not torch.equal(encoder.trunk.fc.weight, other.trunk.fc.weight)
    with pytest.raises(InputError, match="no such file"):
        encoder.load_trunk(str(tmp_path / "missing.pth"))
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth is not the state"):
        encoder.load_trunk(str(tmp_path / "other.pth"))


def test_an_encoder_starts_at_the_mean_code():
    encoder, code = Encoder(8).eval().double(), torch.randn(8).double()
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    before = encoder(images) - encoder.trunk.fc.bias
    encoder.start_at(code)
    torch.testing.assert_close(encoder(images) - code, 0.1 * before)


def pictures(shapes=4, views=6):
    """Random images; those of one shape share their left half."""
    torch.manual_seed(0)
    images = torch.randint(0, 256, (shapes * views, 3, 32, 32), dtype=torch.uint8)
    index = torch.arange(shapes * views) // views
    images[..., :16] = torch.randint(0, 256, (shapes, 3, 32, 16), dtype=torch.uint8)[index]
    return Views(images, index)


@pytest.mark.parametrize("positives", ["views", "augmentations"])
def test_contrastive_pretraining_finds_partners(positives):
    views = pictures()
    if positives == "augmentations":  # a blur leaves nothing of noise to know an image by
        blocks = torch.randint(0, 256, (24, 3, 4, 4), dtype=torch.uint8)
        views = Views(blocks.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3), views.shapes)
    torch.manual_seed(0)
    settings = ContrastiveSettings(positives, batch=4, temperature=0.2, rate=2e-3, colour_jitter=0.1, smallest_crop=0.8)
    stage = ContrastiveStage(Encoder(8), Projection(8, 16), views, settings)
    history = fit(stage, Schedule(16, 100), "test")
    first, last = (np.mean([row["total"] for row in rows]) for rows in (history[:3], history[-3:]))
    assert last < 0.95 * first
    if positives == "views":
        assert history[-1]["partners_found"] > history[0]["partners_found"]


def test_a_contrastive_batch_has_two_different_views_of_each_of_different_objects():
    views = pictures()
    shape_of = {image.numpy().tobytes(): int(shape) for image, shape in zip(*views, strict=True)}
    stage = ContrastiveStage(Encoder(8), Projection(8, 16), views, ContrastiveSettings(batch=3))
    batches = list(stage.batches(1, torch.Generator().manual_seed(0)))
    assert len(batches) == 24 // 6
    for first, second in batches:
        shapes = [[shape_of[image.numpy().tobytes()] for image in images] for images in (first, second)]
        assert shapes[0] == shapes[1]
        assert len(set(shapes[0])) == 3
        assert not any(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_end_to_end_training_learns_sizes_from_images():
    torch.manual_seed(0)
    shapes, views = spheres([0.3, 0.4, 0.5, 0.6]), pictures(4, 3)
    settings = EndToEndSettings(4, 256, 3e-3, 3e-3, 3e-3, colour_jitter=0.0)
    stage = EndToEndStage(Encoder(8), ImplicitTemplate(**SIZES), views, shapes, settings, LossSettings())
    history = fit(stage, Schedule(120, 1000), "test")
    assert history[-1]["reconstruction"] < 0.5 * history[0]["reconstruction"]
    assert set(stage.pictures()) == {"template", "shape_0", "shape_1"}


def test_the_first_codes_are_spread_as_those_of_phase_1():
    torch.manual_seed(0)
    encoder, images = Encoder(8).eval().double(), torch.randint(0, 255, (64, 3, 32, 32), dtype=torch.uint8)
    encoder.even_codes(images)
    assert not encoder.training
    with torch.no_grad():
        codes = encoder.train()(images)
    torch.testing.assert_close(codes.mean(dim=0), torch.zeros(8).double())
    torch.testing.assert_close(codes.std(dim=0), torch.full((8,), 8**-0.5).double())
    with pytest.raises(ValueError, match="the same code"):
        encoder.even_codes(images[:1].expand(8, -1, -1, -1))


def test_a_shapes_code_is_the_mean_over_its_views():
    views = pictures(3, 4)
    settings, shapes = EndToEndSettings(2, 64), spheres([0.3, 0.4, 0.5])
    stage = EndToEndStage(Encoder(8), ImplicitTemplate(**SIZES), views, shapes, settings, LossSettings())
    codes = stage.double().eval().mean_codes("cpu")
    with torch.no_grad():
        wanted = stage.encoder(views.images[views.shapes == 1]).mean(dim=0)
    assert codes.shape == (3, 8)
    torch.testing.assert_close(codes[1], wanted)


def test_a_frozen_trunk_stays_as_it_is_end_to_end():
    encoder = Encoder(8, freeze_trunk=True)
    before = encoder.trunk.conv1.weight.clone()
    settings = EndToEndSettings(2, 64)
    stage = EndToEndStage(
        encoder, ImplicitTemplate(**SIZES), pictures(2, 2), spheres([0.3, 0.5]), settings, LossSettings()
    )
    fit(stage, Schedule(2, 100), "test")
    assert torch.equal(encoder.trunk.conv1.weight, before)
