"""The values at the bounds of the schema work in the library: what the check accepts does not break a job later."""

import itertools
import math

import numpy as np
import pytest
import torch
import trimesh
from configurations import NUMERIC
from sklearn.manifold import TSNE
from template3d.data.images import Views
from template3d.data.sample_sets import Samples
from template3d.geometry import isosurface, sdf
from template3d.networks import DECODER_SIZES, losses
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.projection import Projection
from template3d.rendering import protocols
from template3d.training.augmentation import grayscale, jitter
from template3d.training.contrastive import ContrastiveSettings, ContrastiveStage
from template3d.training.embeddings import LossSettings, embedding_terms

RNG = np.random.default_rng(0)


def low(key: str) -> float:
    rules = NUMERIC[key]
    return rules["minimum"] if "minimum" in rules else math.nextafter(rules["exclusiveMinimum"], math.inf)


def high(key: str) -> float:
    rules = NUMERIC[key]
    return rules["maximum"] if "maximum" in rules else math.nextafter(rules["exclusiveMaximum"], -math.inf)


def test_samples_of_distances_are_as_many_as_counted():
    ball = trimesh.creation.icosphere(subdivisions=1)
    uniform, stretched = ((low(key), 0.05, high(key)) for key in ("sdf.uniform_share", "sdf.stretched_share"))
    for count, many, *shares in itertools.product((low("sdf.count"), 101, 997), range(1, 11), uniform, stretched):
        near_stds = [low("sdf.near_stds.0"), high("sdf.near_stds.0")] * 5
        if sum(shares) <= 1:
            assert sdf.sample_points(ball, count, RNG, near_stds[:many], *shares).shape == (count, 3)


@pytest.mark.parametrize("directions", [low("sdf.directions"), high("sdf.directions")])
def test_a_point_is_inside_by_few_and_by_many_rays(directions):
    distances = sdf.signed_distances(
        trimesh.creation.icosphere(), np.array([[0.0, 0, 0], [2, 0, 0]]), "rays", directions
    )
    assert distances == pytest.approx([-1, 1], abs=0.02)


@pytest.mark.parametrize("size", [low("views.image_size"), high("views.image_size")])
def test_an_object_fits_into_the_smallest_view(size):
    box = trimesh.creation.box(np.full(3, 3**-0.5)).vertices  # its diagonal is 1, as ShapeNet's
    for kind in protocols.KINDS:
        assert len(protocols.draw_views(kind, box, 50, size, RNG)) == 50


@pytest.mark.parametrize("bound", [low, high])
def test_the_loss_is_finite(bound):
    names = ("pointwise_weight", "pointpair_weight", "code_weight", "clamp")
    loss = LossSettings(**{name: bound(f"phase1.{name}") for name in names})
    narrow = {name: low(f"phase1.{name}") for name in DECODER_SIZES if name != "template_hidden"}
    decoder = ImplicitTemplate(**narrow | {"template_hidden": [1], "dropout": bound("phase1.dropout")})
    codes = torch.randn(2, narrow["code_length"])
    terms = embedding_terms(decoder, codes, torch.rand(2, 16, 3), torch.rand(2, 16) - 0.5, loss, epoch=1)
    terms["total"].backward()
    assert all(term.isfinite() for term in terms.values())
    assert all(parameter.grad.isfinite().all() for parameter in decoder.parameters())


def test_the_warp_takes_its_most_steps():
    decoder = ImplicitTemplate(
        code_length=2, warp_hidden=1, warp_steps=high("phase1.warp_steps"), template_hidden=[1] * 64
    )
    assert decoder.warp(torch.zeros(1, 2), torch.rand(1, 5, 3)).shape == (4, 1, 5, 3)


@pytest.mark.parametrize("temperature", [low("contrastive.temperature"), high("contrastive.temperature")])
def test_the_contrastive_loss_is_finite(temperature):
    first, second = torch.randn(2, low("contrastive.batch_size"), low("contrastive.projection"), requires_grad=True)
    total, _ = losses.nt_xent(first, second, temperature)
    assert total.isfinite()


@pytest.mark.parametrize("bound", [low, high])
def test_augmentations_give_images(bound):
    settings = ContrastiveSettings(
        positives="augmentations",
        batch_size=2,
        colour_jitter=bound("contrastive.colour_jitter"),
        grayscale_probability=bound("contrastive.grayscale_probability"),
        smallest_crop=bound("contrastive.smallest_crop"),
    )
    size = low("encoder.image_size")
    images = torch.randint(0, 256, (4, 3, size, size), dtype=torch.uint8)
    stage = ContrastiveStage(Encoder(2), Projection(2, 2), Views(images, torch.tensor([0, 0, 1, 1])), settings)
    first, second = stage.augment(images, images)
    assert first.shape == second.shape == images.shape
    shown = grayscale(jitter(images, settings.colour_jitter), settings.grayscale_probability)
    assert shown.isfinite().all()
    assert 0 <= shown.min() <= shown.max() <= 1


@pytest.mark.parametrize(
    ("resolution", "coarse"),
    [(low("isosurface.resolution"), low("isosurface.coarse")), (8, 8), (high("isosurface.coarse"),) * 2, (60, 4)],
)
def test_a_ball_has_a_surface(resolution, coarse):
    mesh = isosurface.reconstruct(lambda points: points.norm(dim=1) - 0.7, resolution, coarse)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=4 / resolution)


def test_codes_of_the_smallest_length_have_a_figure():
    codes = RNG.normal(size=(4, low("phase1.code_length")))  # two shapes with two views each, the fewest
    plane = TSNE(perplexity=1.0, init="pca", random_state=high("seed")).fit_transform(codes)
    assert np.isfinite(plane).all()


@pytest.mark.parametrize("count", [low("phase1.points_per_scene"), high("phase1.points_per_scene")])
def test_a_draw_repeats_samples_where_there_are_few(count):
    shape = {"pos": np.ones((3, 4), np.float32), "neg": -np.ones((1, 4), np.float32)}
    points, distances = Samples([shape]).draw(torch.tensor([0]), count, torch.Generator().manual_seed(high("seed")))
    assert points.shape == (1, count, 3)
    assert int((distances < 0).sum()) == count // 2


def test_seeds_up_to_the_largest_are_taken_everywhere():
    for take in (np.random.default_rng, torch.manual_seed, np.random.RandomState):
        take(high("seed"))
