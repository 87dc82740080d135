import numpy as np
import pytest
from PIL import Image
from template3d.data import photos
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits


def disc(size=(160, 100), centre=(90, 50), radius=30, colour=(40, 90, 200), ground=(230, 230, 225)):
    """A disc of one colour on a plain background: (H, W, 3) uint8, and its mask (H, W)."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2
    return np.where(inside[..., None], colour, ground).astype(np.uint8), inside


def is_round(picture, colour=(40, 90, 200)):
    """Whether a disc, as wide as high, fills its share of a square white picture, in the middle."""
    array = np.array(picture).astype(int)
    assert array.shape[0] == array.shape[1]
    assert (array[0, 0] == 255).all()
    pixels = np.argwhere(np.abs(array - colour).max(axis=2) < 30)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    np.testing.assert_allclose((high - low + 1) / len(array), photos.FILLED, atol=0.03)  # never stretched
    np.testing.assert_allclose((low + high) / 2, len(array) / 2, atol=2)
    return True


def test_a_plain_background_is_recognized_at_the_border(tmp_path):
    array, _ = disc()
    noise = np.random.default_rng(0).integers(-3, 4, size=array.shape)
    Image.fromarray((array + noise).clip(0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    photo = photos.read(tmp_path / "a.png")
    assert photo.background == "border"
    assert is_round(photo.image)


def test_a_background_may_change_smoothly_and_the_object_reach_the_border():
    array, inside = disc(centre=(132, 50))
    rows, columns = np.indices(inside.shape)
    sky = np.stack([90 + 0.4 * rows, 140 + 0.3 * columns, 255 - 0.3 * rows], axis=2)
    mask = photos.plain_background(np.where(inside[..., None], array, sky).astype(np.int16))
    assert (mask != inside).mean() < 0.01
    striped = np.where(columns[..., None] % 20 < 10, 40, sky)
    assert photos.plain_background(striped.astype(np.int16)) is None


def test_alpha_comes_before_the_border(tmp_path):
    array, inside = disc(ground=(0, 0, 0))
    rgba = np.dstack([array, (255 * inside).astype(np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.webp", lossless=True)
    photo = photos.read(tmp_path / "a.webp")
    assert photo.background == "alpha"
    assert is_round(photo.image)


def test_a_mask_beside_a_cluttered_photo_is_used(tmp_path):
    array, inside = disc()
    clutter = np.random.default_rng(0).integers(0, 255, size=array.shape)
    Image.fromarray(np.where(inside[..., None], array, clutter).astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray((255 * inside).astype(np.uint8)).save(tmp_path / "a.mask.png")
    photo = photos.read(tmp_path / "a.png")
    assert photo.background == "mask"
    assert is_round(photo.image)


def test_a_cluttered_photo_is_used_as_it_is_with_a_warning(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rembg", None)  # as if it were not installed
    array, inside = disc()
    clutter = np.random.default_rng(0).integers(0, 255, size=array.shape)
    Image.fromarray(np.where(inside[..., None], array, clutter).astype(np.uint8)).save(tmp_path / "a.png")
    photo = photos.read(tmp_path / "a.png")
    assert photo.background == "kept"
    assert photo.image.size == (160, 160)
    assert "a.png: no plain background" in caplog.text


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "LA", "RGBA", "I;16", "1"])
def test_every_kind_of_image_is_read(tmp_path, mode):
    array, _ = disc(colour=(30, 30, 30))
    if mode == "I;16":
        image = Image.fromarray(array[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(array).quantize(8) if mode == "P" else Image.fromarray(array).convert(mode)
    file = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image.save(file)
    photo = photos.read(file)
    assert photo.image.mode == "RGB"
    assert is_round(photo.image, (30, 30, 30) if mode != "1" else (0, 0, 0))


def test_a_photo_with_a_preview_is_read(tmp_path):
    photo = Image.new("RGB", (50, 40), "white")
    photo.paste((255, 0, 0), (15, 15, 35, 25))
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[photo.resize((10, 8))])
    seen = np.array(photos.read(tmp_path / "a.jpg").image)
    assert len(seen) == seen.shape[1] == pytest.approx(20 / photos.FILLED, abs=4)


def test_a_photo_is_turned_upright_as_its_exif_says(tmp_path):
    array, _ = disc()
    array[:20] = (200, 40, 40)  # a stripe along the top
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the first row is the right side
    Image.fromarray(np.rot90(array)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    image = photos.opened(tmp_path / "a.jpg", Limits())
    assert image.size == (160, 100)
    assert np.array(image)[5, 80, 0] > 150


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "cannot be read"),
        (b"\x89PNG\r\n\x1a\nbroken", "cannot be read"),
        (b"GIF89a" + b"\0" * 50, "cannot be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read"),
    ],
)
def test_broken_files_are_named(tmp_path, content, sentence):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=f"a.png: {sentence}"):
        photos.read(tmp_path / "a.png")


def test_a_missing_or_too_large_photo_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such photo"):
        photos.read(tmp_path / "none.png")
    Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="200 x 100 pixels, more than limits"):
        photos.read(tmp_path / "a.png", Limits(image_megapixels=0.01))
    with pytest.raises(InputError, match="MB, more than limits"):
        photos.read(tmp_path / "a.png", Limits(image_mb=1e-5))


def test_a_strip_is_padded_to_a_square_that_fits_into_memory(tmp_path):
    image = Image.new("RGBA", (60_000, 2), "red")
    image.paste((0, 0, 0, 0), (0, 0, 20_000, 2))
    image.save(tmp_path / "a.png")
    seen = photos.read(tmp_path / "a.png").image
    assert seen.width == seen.height < 6000


def test_a_mask_that_shows_nothing_or_does_not_fit_is_an_error(tmp_path):
    Image.new("RGB", (50, 50), "red").save(tmp_path / "a.png")
    Image.new("L", (50, 50), 0).save(tmp_path / "a.mask.png")
    with pytest.raises(InputError, match="leaves nothing of the object"):
        photos.read(tmp_path / "a.png")
    Image.new("L", (50, 50), 100).save(tmp_path / "a.mask.png")  # nowhere more object than background
    with pytest.raises(InputError, match="leaves nothing of the object"):
        photos.read(tmp_path / "a.png")
    Image.new("L", (40, 50), 255).save(tmp_path / "a.mask.png")
    with pytest.raises(InputError, match="width and height; a mask of other proportions does not fit"):
        photos.read(tmp_path / "a.png")


def cluttered(file):
    """Write a disc on a cluttered background, and return where it is."""
    array, inside = disc()
    clutter = np.random.default_rng(0).integers(0, 255, size=array.shape)
    Image.fromarray(np.where(inside[..., None], array, clutter).astype(np.uint8)).save(file)
    return inside


@pytest.mark.parametrize(
    "name", ["a.mask.png", "a_mask.png", "a-mask.png", "a.mask.PNG", "a.Mask.png", "a.mask.jpg", "a.PNG.mask.png"]
)
def test_a_mask_has_any_common_name(tmp_path, name):
    inside = cluttered(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / "a.PNG")
    Image.fromarray((255 * inside).astype(np.uint8)).save(tmp_path / name, quality=95)
    assert photos.listed(tmp_path) == [tmp_path / "a.PNG"]
    assert photos.masks([tmp_path / "a.PNG"]) == [tmp_path / name]
    photo = photos.read(tmp_path / "a.PNG")
    assert photo.background == "mask"
    assert is_round(photo.image)


def test_masks_of_other_photos_are_not_taken_and_two_are_too_many(tmp_path):
    for name in ("a.png", "ab_mask.png", "mask.png", "a.mask.txt"):
        cluttered(tmp_path / "one.png")
        (tmp_path / "one.png").rename(tmp_path / name)
    assert photos.masks([tmp_path / "a.png"]) == []
    for name in ("a_mask.png", "a.mask.png"):
        Image.new("L", (160, 160), 255).save(tmp_path / name)
    with pytest.raises(InputError, match=r"has several masks, a\.mask\.png and a_mask\.png; keep one"):
        photos.read(tmp_path / "a.png")


def test_a_mask_of_another_size_is_scaled(tmp_path):
    inside = cluttered(tmp_path / "a.png")
    mask = Image.fromarray((255 * inside).astype(np.uint8))
    mask.resize((mask.width * 3, mask.height * 3)).save(tmp_path / "a.mask.png")
    photo = photos.read(tmp_path / "a.png")
    assert photo.background == "mask, scaled"
    assert is_round(photo.image)


@pytest.mark.parametrize("transparent", ["corners", "pixel"])
def test_alpha_that_cuts_out_nothing_does_not_count(tmp_path, transparent):
    array, _ = disc()
    alpha = np.full(array.shape[:2], 255, np.uint8)
    if transparent == "corners":
        for rows in (slice(0, 8), slice(-8, None)):
            for columns in (slice(0, 8), slice(-8, None)):
                alpha[rows, columns] = 0
    else:
        alpha[50, 50] = 0
    Image.fromarray(np.dstack([array, alpha])).save(tmp_path / "a.png")
    photo = photos.read(tmp_path / "a.png")
    assert photo.background == "border"
    assert is_round(photo.image)


def test_a_mask_comes_before_alpha(tmp_path):
    array, inside = disc()
    Image.fromarray(np.dstack([array, np.zeros(array.shape[:2], np.uint8)])).save(tmp_path / "a.png")
    Image.fromarray((255 * inside).astype(np.uint8)).save(tmp_path / "a.mask.png")
    assert photos.read(tmp_path / "a.png").background == "mask"


@pytest.mark.parametrize("suffix", ["gif", "avif"])
def test_other_formats_of_pillow_are_read(tmp_path, suffix):
    Image.fromarray(disc()[0]).save(tmp_path / f"a.{suffix}")
    photo = photos.read(tmp_path / f"a.{suffix}")
    assert photo.background == "border"
    assert is_round(photo.image)


def test_what_cannot_be_read_is_listed_and_has_a_remedy(tmp_path):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "notes.txt").write_text("a chair")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "more").mkdir()
    assert [file.name for file in photos.listed(tmp_path)] == ["IMG_1.HEIC", "more", "notes.txt"]
    for name in ("IMG_1.HEIC", "notes.txt"):
        with pytest.raises(InputError, match=f"{name}: cannot be read as an image .*save it as JPEG, PNG or WebP"):
            photos.read(tmp_path / name)
    with pytest.raises(InputError, match="more"):
        photos.read(tmp_path / "more")


def test_what_is_in_no_category_is_said(tmp_path):
    for name in ("chairs", "chair", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "loose.png").write_bytes(b"")
    said = photos.misplaced(tmp_path, ["chairs", "sofas"])
    assert [sentence.split(":")[0] for sentence in said] == [str(tmp_path / "chair"), str(tmp_path / "loose.png")]
    assert "not used, because it is no category of this run" in said[0]
    assert said[0].endswith("with one of: chairs, sofas")
    assert photos.misplaced(tmp_path / "missing", ["chairs"]) == []
