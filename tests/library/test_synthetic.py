"""Synthetic shapes: their codes and meshes, their views, and their part of the batches of phase 2."""

import numpy as np
import pytest
import torch
import trimesh
from stages import pictures, sphere_model
from template3d.data import archives, images, shapenet, synthetic
from template3d.data.memory import Memory
from template3d.jobs import render, synthetic_shapes, synthetic_views
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction.code_space import CodeSpace
from template3d.runtime.errors import InputError
from template3d.training.encoder import EncoderSettings, EncoderStage
from torch import nn

SPACE = CodeSpace.of(torch.tensor([[1.0, 2.0], [3.0, 2.0], [2.0, 2.5], [2.0, 1.5]]))
ISOSURFACE = {"resolution": 16, "coarse": 8}


class Ball(nn.Module):
    """A decoder whose shapes are balls; the first entry of a code is the radius in tenths."""

    def __init__(self):
        super().__init__()
        self.device = nn.Parameter(torch.zeros(1))

    def signed_distance(self, codes, points):
        return points.norm(dim=-1) - codes[:, :1] / 10


def box(name="synthetic-0000"):
    mesh = trimesh.creation.box((0.8, 0.4, 0.4))
    shape = synthetic.SyntheticShape(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32), np.ones(2))
    return {synthetic.member_name(name): shape.to_bytes()}


def test_a_synthetic_shape_is_that_of_its_code():
    made = synthetic_shapes.one_shape(Ball(), SPACE, "synthetic-0003", 0, {"resolution": 64, "coarse": 16})
    radius = np.linalg.norm(made.vertices, axis=1)
    assert radius == pytest.approx(1 / np.sqrt(12), rel=0.02)  # its box has diagonal 1
    assert np.ptp(made.vertices, axis=0) @ np.ptp(made.vertices, axis=0) == pytest.approx(1, rel=1e-4)
    assert made.vertices.max(axis=0) == pytest.approx(-made.vertices.min(axis=0), abs=1e-6)


def test_codes_have_the_mean_and_the_covariance_of_the_training_codes():
    codes = np.stack(
        [synthetic_shapes.one_shape(Ball(), SPACE, name, 0, ISOSURFACE).code for name in synthetic.names(300)]
    )
    assert codes.mean(axis=0) == pytest.approx([2, 2], abs=0.1)
    assert np.cov(codes.T) == pytest.approx((SPACE.axes @ SPACE.axes.T).numpy(), abs=0.1)


def test_a_code_depends_on_the_name_and_the_seed():
    made = [
        synthetic_shapes.one_shape(Ball(), SPACE, name, seed, ISOSURFACE).code
        for name, seed in (("synthetic-0000", 0), ("synthetic-0000", 0), ("synthetic-0001", 0), ("synthetic-0000", 1))
    ]
    assert (made[0] == made[1]).all()
    assert (made[0] != made[2]).all()
    assert (made[0] != made[3]).all()


def test_codes_without_a_surface_are_drawn_again():
    space = CodeSpace(torch.tensor([0.0, 0.0]), torch.eye(2))  # every second radius is negative
    radii = [synthetic_shapes.one_shape(Ball(), space, name, 0, ISOSURFACE).code[0] for name in synthetic.names(20)]
    assert min(radii) > 0


def test_a_decoder_without_surfaces_is_reported():
    space = CodeSpace(torch.tensor([-50.0, 0.0]), torch.eye(2))
    with pytest.raises(InputError, match=r"none of 20 random codes has a surface.* phase2.synthetic_shapes to 0"):
        synthetic_shapes.one_shape(Ball(), space, "synthetic-0000", 0, ISOSURFACE)


def test_the_shapes_of_a_network_are_made():
    model = sphere_model()
    assert isinstance(model.decoder, ImplicitTemplate)
    made = synthetic_shapes.one_shape(model.decoder, CodeSpace.of(model.codes), "synthetic-0000", 0, ISOSURFACE)
    assert len(made.code) == 8
    assert np.linalg.norm(made.vertices, axis=1).std() < 0.05


def test_views_are_images_of_the_shape_in_one_colour(tmp_path):
    archive = tmp_path / "shapes.zip"
    archives.update(archive, {"synthetic-0000": "digest"}, lambda stale: ((shape, box(shape)) for shape in stale))
    settings = {"views": {"image_size": 48, "samples": 4, "engine": "cycles", "device": "cpu"}, "seed": 0}
    render.studio.cache_clear()  # another test in this process may have set up Blender's only scene
    files = synthetic_views.one_shape("chairs", ["easy", "hard"], archive, "synthetic-0000", settings)
    views = archive.with_name("views.zip")
    archives.update(views, {"synthetic-0000": "digest"}, lambda stale: [("synthetic-0000", files)])
    read = images.read_views([views], ["synthetic-0000"], 48, Memory())
    assert len(read.images) == len(files) == 2 * synthetic_views.VIEWS_OF_KIND
    for image in read.images:
        seen = image[:, image.amin(dim=0) < 250].float()
        assert 100 < seen.shape[1] < 48 * 48 / 2
        hue = seen / seen.sum(dim=0)  # only its brightness varies
        assert hue.std(dim=1).max() < 0.05


def test_no_shape_of_the_user_can_have_the_name_of_a_synthetic_one():
    assert len(set(synthetic.names(200))) == 200
    assert not any(shapenet.is_id(name) for name in synthetic.names(200))


def test_codes_leave_out_shapes_without_views(tmp_path):
    shapes, views = tmp_path / "shapes.zip", tmp_path / "views.zip"
    names = synthetic.names(3)
    archives.update(shapes, dict.fromkeys(names, ""), lambda stale: ((shape, box(shape)) for shape in stale))
    outcomes = [(names[0], {"a": b""}), (names[1], InputError("no view")), (names[2], {"b": b""})]
    archives.update(views, dict.fromkeys(names, ""), lambda stale: outcomes, on_failure="skip")
    assert list(synthetic.codes([shapes], [views])) == [names[0], names[2]]
    assert synthetic.codes([], []) == {}
    assert synthetic.read(shapes, names[0]).faces.shape == (12, 3)


def batches(invented=(), held_out=(), size=4, fewest=1):
    """The shapes in each batch of an epoch of phase 2 with six views of each of six shapes."""
    settings = EncoderSettings(batch_size=size, min_steps_per_epoch=fewest)
    stage = EncoderStage(nn.Identity(), pictures(6), torch.zeros(6, 8), settings, held_out, synthetic=invented)
    return [shapes.tolist() for _, shapes in stage.batches(1, torch.Generator().manual_seed(0))]


@pytest.mark.parametrize(("size", "invented"), [(4, 2), (5, 2), (2, 1)])
def test_half_of_the_images_of_a_batch_are_synthetic(size, invented):
    drawn = batches([4, 5], [1], size)
    assert [sum(shape >= 4 for shape in shapes) for shapes in drawn] == [invented] * (18 // size)
    assert {shape for shapes in drawn for shape in shapes if shape < 4} == {0, 2, 3}


def test_synthetic_shapes_change_no_number_of_steps():
    for fewest in (1, 20):
        assert len(batches([4, 5], fewest=fewest)) == len(batches([], [4, 5], fewest=fewest)) == max(6, fewest)


def test_synthetic_images_are_mixed_with_the_others():
    orders = {tuple(shape >= 4 for shape in shapes) for shapes in batches([4, 5], fewest=30)}
    assert len(orders) == 6  # all orders of two and two


def test_the_views_of_the_first_shapes_are_selected():
    views = pictures(4)
    some = views.of_first(2)
    assert some.shapes.tolist() == [0] * 6 + [1] * 6
    assert (some.images == views.images[:12]).all()
