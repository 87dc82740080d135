import re
import shutil

import pytest
import stages
import torch
import torch._dynamo.utils
from template3d.data import archives, samples
from template3d.data.memory import Memory
from template3d.data.sample_sets import Samples
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.runtime.errors import InputError
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.loop import fit
from template3d.training.stage import Schedule
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def train(epochs, shapes, precision="32"):
    torch.manual_seed(0)
    stage = EmbeddingStage(
        ImplicitTemplate(**stages.SIZES), shapes, EmbeddingSettings(4, 256, 3e-3, 3e-3, 1e-2), LossSettings()
    )
    return stage, fit(stage, Schedule(epochs, 1000, precision), "test")


@pytest.mark.parametrize("precision", ["32", "tf32", "bf16"])
def test_phase_1_learns_spheres_of_different_size(precision):
    stage, history = train(150, stages.spheres([0.3, 0.4, 0.5, 0.6]), precision)
    assert torch.get_float32_matmul_precision() == ("high" if precision == "tf32" else "highest")
    assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
    assert history[-1]["reconstruction"] < 0.35 * history[0]["reconstruction"]
    along = torch.linspace(0.1, 0.9, 50)[:, None] * torch.tensor([[1.0, 0, 0]])
    with torch.no_grad():
        distances = stage.decoder.signed_distance(stage.codes.weight, along.expand(4, -1, -1))
    crossings = (distances < 0).sum(dim=1)
    assert (crossings.diff() > 0).all()  # a larger sphere is inside for longer


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
@pytest.mark.no_cover  # torch.compile skips frames that a tracer watches
def test_compiled_steps_give_the_same_losses_and_only_the_first_two_epochs_compile():
    torch._dynamo.reset()
    before = torch._dynamo.utils.counters["frames"]["ok"]
    histories = [
        fit(stages.make("embeddings", plain=True), Schedule(5, 3, compile=compiled, accelerator="cpu"), "test")
        for compiled in (False, True)
    ]
    for row, same in zip(*histories, strict=True):
        assert row["total"] == pytest.approx(same["total"], rel=1e-6)  # in float64, but for the history's float32
    assert torch._dynamo.utils.counters["frames"]["ok"] - before == 2  # the first epoch, and all others


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_coordinates_and_distances_reach_the_networks_unrounded(precision):
    stage, seen = stages.make("embeddings"), []
    forward = stage.forward
    stage.forward = lambda epoch, *batch: seen.append(batch) or forward(epoch, *batch)
    fit(stage, Schedule(1, 1, precision, accelerator="cpu"), "test")
    drawn = list(stage.batches(1, torch.Generator().manual_seed(0)))
    for step, same in zip(seen, drawn, strict=True):
        for part, expected in zip(step, same, strict=True):
            assert torch.equal(part, expected)


def test_training_writes_its_curves_pictures_and_progress(tmp_path, caplog):
    caplog.set_level("INFO")
    history = fit(stages.make("end_to_end"), Schedule(3, 2, accelerator="cpu"), "watched", board=tmp_path)
    board = EventAccumulator(str(tmp_path)).Reload()
    assert set(board.Tags()["scalars"]) == set(history[0]) - {"epoch", "step"}
    written = [(event.step, event.value) for event in board.Scalars("total")]
    assert written == [(row["epoch"], pytest.approx(row["total"], rel=1e-6)) for row in history]
    assert set(board.Tags()["images"]) == {"template", "shape_0", "shape_1"}
    *_, last = (record.message for record in caplog.records if record.name.endswith("progress"))
    assert last.startswith(f"watched: epoch 3 of 3, step {history[-1]['step']}: total {history[-1]['total']:.4g}, ")
    assert re.search(
        r"learning_rate_warp .*[\d,]+ points a second, [\d.]+ % of the time waiting for data; 0 s to go$", last
    )


def test_training_is_deterministic():
    (first, one), (second, two) = (train(3, stages.spheres([0.3, 0.5])) for _ in range(2))
    assert [row["total"] for row in one] == [row["total"] for row in two]
    for ours, theirs in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_learning_rates_are_halved_on_time():
    torch.manual_seed(0)
    stage = EmbeddingStage(
        ImplicitTemplate(**stages.SIZES), stages.spheres([0.4]), EmbeddingSettings(1, 64), LossSettings()
    )
    rates = [row["learning_rate_warp"] for row in fit(stage, Schedule(4, 2), "test")]
    assert rates == [5e-4, 2.5e-4, 2.5e-4, 1.25e-4]


def test_a_loss_that_explodes_stops_the_run():
    shapes = stages.spheres([0.4])
    shapes.tables["pos"][:, 3] = float("nan")
    with pytest.raises(
        FloatingPointError, match=r"test: the loss broke at about step 1: total, reconstruction is not fin"
    ):
        train(2, shapes)


def test_a_loss_that_grows_a_hundredfold_stops_the_run():
    torch.manual_seed(0)
    settings = EmbeddingSettings(1, 64, learning_rate_template=1e3, learning_rate_warp=1e3)
    stage = EmbeddingStage(
        ImplicitTemplate(**stages.SIZES), stages.spheres([0.4]), settings, LossSettings(pointwise_weight=100.0)
    )
    with pytest.raises(FloatingPointError, match=r"exploded .*'warp': 1000.0"):
        fit(stage, Schedule(100, 1000), "test")


def test_a_new_template_starts_where_the_loss_has_a_gradient():
    for seed in range(50):
        torch.manual_seed(seed)
        with torch.no_grad():
            distances = ImplicitTemplate(32, 96, 4, [96] * 5).template(2 * torch.rand(500, 3) - 1)
        assert (distances.abs() < LossSettings().clamp).float().mean() > 0.5


def test_half_of_a_batch_lies_inside():
    points, distances = stages.spheres([0.3, 0.6]).draw(torch.tensor([1, 0, 1]), 64, torch.Generator().manual_seed(0))
    assert points.shape == (3, 64, 3)
    assert ((distances < 0).sum(dim=1) == 32).all()
    radii = torch.tensor([0.6, 0.3, 0.6])[:, None]
    torch.testing.assert_close(points.norm(dim=-1) - radii, distances)


def test_what_is_drawn_does_not_depend_on_where_the_samples_are_stored(tmp_path):
    shapes = {"aaaa": 0.3, "bbbb": 0.6}
    drawn = {shape: stages.spheres([radius]) for shape, radius in shapes.items()}
    content = {shape: {side: table.numpy() for side, table in held.tables.items()} for shape, held in drawn.items()}
    shard = tmp_path / "sdf.zip"
    archives.update(
        shard,
        dict.fromkeys(shapes, "1"),
        lambda stale: ((s, {samples.member_name("03001627", s): samples.to_bytes(content[s])}) for s in stale),
    )
    draws = [
        Samples.read([shard], "03001627", list(shapes), Memory(ram_gb=ram)).draw(
            torch.tensor([1, 0, 1]),
            9000,
            torch.Generator().manual_seed(0),  # more than the smaller side has
        )
        for ram in (1.0, 0.0)
    ]
    for first, second in zip(*draws, strict=True):
        assert torch.equal(first, second)
    with pytest.raises(InputError, match="cccc: no samples on both sides"):
        Samples.read([shard], "03001627", ["cccc"], Memory())
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        Samples.read([shard], "03001627", list(shapes), Memory())
