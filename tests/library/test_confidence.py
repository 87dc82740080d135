"""The confidence in a shape: distances in closed form, its words, and what a model without calibration says."""

import numpy as np
import pytest
import stages
import torch
from PIL import Image
from template3d.data.images import Views
from template3d.data.photos import Photo
from template3d.networks import calibration, models
from template3d.networks.calibration import Calibration, calibrated
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import confidence
from template3d.reconstruction.confidence import Confidence
from template3d.runtime.errors import InputError

LOW = (
    "low (farther from the training views than 100 % of held-out views, 3.0 times the usual distance: unlike what the "
)


class Flat(torch.nn.Module):
    """An encoder whose features are the first values of the image."""

    def features(self, images):
        return images.flatten(1)[:, :3].float()


def views(values, shapes) -> Views:
    images = torch.zeros(len(values), 3, 4, 4, dtype=torch.uint8)
    images.flatten(1)[:, :3] = torch.as_tensor(values, dtype=torch.uint8)
    return Views(images, torch.tensor(shapes))


def test_the_mean_of_the_training_views_has_distance_0_and_a_standard_deviation_1():
    rng = np.random.default_rng(0)
    values = np.clip(rng.normal(128, [30, 10, 3], size=(4000, 3)).round(), 0, 255)
    fitted = calibrated(Flat(), views(values, [0] * 3999 + [1]), [1])
    assert fitted.distances(fitted.mean[None]).item() == 0
    for axis, deviation in enumerate((30, 10, 3)):
        step = torch.zeros(1, 3)
        step[0, axis] = deviation
        # the covariance that is mixed in, the mean of the variances, counts most where there is little variance
        expected = deviation / np.sqrt(0.99 * deviation**2 + 0.01 * (900 + 100 + 9) / 3)
        assert fitted.distances(fitted.mean + step).item() == pytest.approx(expected, rel=0.04)


def test_the_order_of_views_does_not_matter_and_distances_of_held_out_views_are_sorted():
    values = np.random.default_rng(1).integers(0, 256, size=(60, 3))
    shapes = np.arange(60) // 6
    order = np.random.default_rng(2).permutation(60)
    one, other = (calibrated(Flat(), views(values[i], shapes[i]), [3, 7]) for i in (np.arange(60), order))
    for first, second in zip(one, other, strict=True):
        torch.testing.assert_close(first, second)
    theirs = torch.tensor(values[np.isin(shapes, [3, 7])]).float()
    torch.testing.assert_close(one.held_out, one.distances(theirs).sort().values)


def test_held_out_views_do_not_change_what_they_are_compared_with():
    values = np.random.default_rng(1).integers(0, 256, size=(60, 3))
    shapes = np.arange(60) // 6
    fitted = calibrated(Flat(), views(values, shapes), [3])
    values[shapes == 3] = 255
    again = calibrated(Flat(), views(values, shapes), [3])
    assert torch.equal(fitted.mean, again.mean)
    assert torch.equal(fitted.whitening, again.whitening)
    assert again.held_out.min() > fitted.held_out.median()


def test_only_some_of_many_views_are_used(monkeypatch):
    monkeypatch.setattr(calibration, "MOST_HELD_OUT", 5)
    values = np.random.default_rng(1).integers(0, 256, size=(60, 3))
    assert len(calibrated(Flat(), views(values, np.arange(60) // 6), [3, 7]).held_out) == 5


def test_without_held_out_shapes_there_is_no_calibration():
    assert calibrated(Flat(), views(np.zeros((4, 3)), [0, 0, 1, 1]), []) is None


@pytest.fixture
def model():
    """A model whose calibration has the distances 1 to 20 of held-out views."""
    torch.manual_seed(0)
    encoder = Encoder(8, backbone=stages.BACKBONE).eval()
    features = encoder.head.in_features
    known = Calibration(torch.zeros(features), torch.eye(features), torch.arange(1.0, 21.0))
    decoder = ImplicitTemplate(**stages.SIZES)
    return models.Model(decoder, stages.SIZES, torch.randn(2, 8), ["aa", "bb"], encoder, 32, calibration=known)


def with_distance(model, monkeypatch, *distances) -> Confidence:
    features = torch.zeros(len(distances), model.encoder.head.in_features)
    features[:, 0] = torch.tensor(distances)
    monkeypatch.setattr(model.encoder, "features", lambda images: features[: len(images)])
    return confidence.of_images(model, torch.zeros(len(distances), 3, 32, 32, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("distance", "word", "farther_than"),
    [(0.5, "high", 0), (15.5, "high", 0.75), (16.5, "medium", 0.8), (19.5, "medium", 0.95), (21, "low", 1)],
)
def test_the_word_follows_from_the_share_of_held_out_views_that_are_nearer(
    model, monkeypatch, distance, word, farther_than
):
    of_photo = with_distance(model, monkeypatch, distance)
    assert (of_photo.word, of_photo.farther_than) == (word, farther_than)
    assert str(of_photo).startswith(word)


def test_low_says_what_it_means(model, monkeypatch):
    assert str(with_distance(model, monkeypatch, 30.0)).startswith(LOW)


def test_of_several_photos_of_one_object_the_least_familiar_counts(model, monkeypatch):
    alone = with_distance(model, monkeypatch, 18.2)
    assert with_distance(model, monkeypatch, 3.0, 18.2, 7.0) == with_distance(model, monkeypatch, 18.2, 3.0) == alone


def test_a_training_view_is_nearer_than_noise(model):
    known = stages.pictures(shapes=8, views=6)
    known.images[:] = known.images // 8 + 200  # pale pictures
    model.calibration = calibrated(model.encoder, known, [7])
    near = confidence.of_images(model, known.images[:1])
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    far = confidence.of_photos(model, [Photo(noise, "kept")])
    assert near.times_usual < 1 < far.times_usual
    assert far.word == "low"


def test_a_model_without_calibration_says_so(model):
    model.calibration = None
    unknown = confidence.of_images(model, torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    assert unknown == (None, None)
    assert str(unknown) == "not known (this model has no calibration)"


def test_a_calibration_survives_the_disk_and_one_that_does_not_fit_is_refused(model, tmp_path):
    weights = tmp_path / "model.safetensors"
    models.save(model, weights, tmp_path / "model.json")
    for value, expected in zip(models.load_model(weights).calibration, model.calibration, strict=True):
        assert torch.equal(value, expected)
    model.calibration = model.calibration._replace(mean=torch.zeros(3))
    models.save(model, weights, tmp_path / "model.json")
    with pytest.raises(InputError, match="its calibration does not fit its encoder"):
        models.load_model(weights)


def test_features_are_what_the_last_layer_gets(model):
    images = stages.pictures().images[:3]
    with torch.no_grad():
        torch.testing.assert_close(model.encoder.head(model.encoder.features(images)), model.encoder(images))
