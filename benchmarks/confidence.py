"""Which measure of a picture tells whether the encoder knows such pictures, and predicts the error, on the demo.

    .venv/bin/python benchmarks/confidence.py        after `make`, in the same folder
    .venv/bin/python benchmarks/confidence.py --photos resources/photos --silhouettes

Known pictures are the views of the test shapes. Unknown ones are test views of the other categories, drawings, noise,
and photos if you give a folder of them. A measure separates them if it is larger for the unknown ones; "caught" are the
unknown pictures above 95 % of the held-out views. The rank correlation is that with the Chamfer distances in
results/metrics. The silhouette takes a minute or two a category. The last line is JSON.
"""

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageDraw, ImageOps
from scipy.spatial import cKDTree
from scipy.stats import mannwhitneyu, spearmanr
from template3d.data import archives, images, photos, splits, views
from template3d.evaluation import metrics
from template3d.networks import calibration, models
from template3d.reconstruction import confidence, inference
from template3d.rendering import previews
from torchvision.transforms import functional

CATEGORIES = ("chairs", "sofas", "planes")
EVERY = 6
"""Of the test views of the other categories, so many are represented by one."""
MEASURE = "chamfer_shapenet_x1000"
SMALL = 32
"""Pixels a side of a silhouette."""


def main() -> None:
    """Measure every category that has been trained, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--method", default="two_phase")
    parser.add_argument("--photos", type=Path, help="a folder of folders of photos")
    parser.add_argument("--silhouettes", action="store_true", help="also measure the silhouettes")
    options = parser.parse_args()
    separations = {}
    for category in CATEGORIES:
        if (folder := options.results / f"models/{category}/{options.method}").is_dir():
            separations[category] = report(options, category, models.load_model(folder / "model.safetensors"))
    print(json.dumps(separations))


def report(options: argparse.Namespace, category: str, model: models.Model) -> dict[str, float]:
    """Print the table of a category; the separation of each measure."""
    train, test = (rendered(options.results, category, split) for split in ("train", "test"))
    shapes = model.shapes or []
    held_out = splits.held_out(shapes, 0.1, 0)  # split.validation_share and seed of the demo
    learned = {name: image for name, image in train.items() if name.split("/")[1] not in held_out}
    unseen = {name: image for name, image in train.items() if name.split("/")[1] in held_out}
    sets = {"unseen": unseen, "test": test} | unknown(options, category)
    assert model.codes is not None
    codes = model.codes[[shape not in held_out for shape in shapes]].numpy()
    measures = all_measures(model, learned, codes)
    if options.silhouettes:
        measures["silhouette"] = lambda some: np.array([silhouette(model, image) for image in some])
    measured = pd.read_csv(options.results / f"metrics/{category}/{options.method}_test.csv")
    measured = measured.drop_duplicates(["shape", "view_kind", "view"])
    which = zip(measured["shape"], measured["view_kind"], measured["view"], strict=True)
    rows, errors = [views.member_name(category, *one) for one in which], measured[MEASURE].to_numpy()
    groups = [name for name in sets if name not in ("unseen", "test")]
    print(f"\n{category}: {len(rows)} errors; separation and share caught of {', '.join(groups)}, all\n")
    separations = {}
    for name, measure in measures.items():
        values = {group: measure([*pictures.values()]) for group, pictures in sets.items()}
        bound = np.quantile(values["unseen"], 0.95)
        together = groups_and_all(values, groups)
        cells = [f"{separation(values['test'], group):.2f} {np.mean(group > bound):.0%}" for group in together]
        at = dict(zip(sets["test"], values["test"], strict=True))
        rank = spearmanr([at[row] for row in rows], errors)[0]
        print(f"| {name} | {' | '.join(cells)} | rank correlation {rank:.2f} |", flush=True)
        separations[name] = round(separation(values["test"], together[-1]), 4)
    print_words(model, test, rows, errors)
    return separations


def print_words(model: models.Model, test: dict[str, Image.Image], rows: list[str], errors: np.ndarray) -> None:
    """Print how many test views have each word of the confidence, and their mean error."""
    words = np.array([confidence.of_photos(model, [photos.Photo(test[row], "")]).word for row in rows])
    for word in dict.fromkeys(words):
        print(f"{word}: {(words == word).sum()} test views, mean Chamfer distance {errors[words == word].mean():.2f}")


def groups_and_all(values: dict[str, np.ndarray], groups: list[str]) -> list[np.ndarray]:
    """The values of each group of unknown pictures, and of all."""
    return [*(values[group] for group in groups), np.concatenate([values[group] for group in groups])]


def rendered(results: Path, category: str, split: str) -> dict[str, Image.Image]:
    """All views of a split by their names in the archives."""
    of_split = sorted((results / f"data/{category}").glob(f"{split}-*/*.zip"))
    archive_of = archives.index([file for file in of_split if file.stem in ("easy", "hard")])
    return {n: views.decode(archives.read(archive_of[n], n)) for n in sorted(archive_of) if "/image_rgb/" in n}


def unknown(options: argparse.Namespace, category: str) -> dict[str, dict[str, Image.Image]]:
    """The pictures that the model cannot know, by group."""
    others = [other for other in CATEGORIES if other != category]
    groups = {other: dict([*rendered(options.results, other, "test").items()][::EVERY]) for other in others}
    groups |= {"drawings": drawings(), "noise": noise()}
    if options.photos:
        files = [file for folder in sorted(options.photos.iterdir()) for file in photos.listed(folder)]
        groups["photos"] = {str(file): photos.read(file).image for file in files}
    return groups


def drawings() -> dict[str, Image.Image]:
    """Plain drawings on white."""
    drawn = {}
    boxes = {"square": (60, 60, 200, 200), "bar": (20, 118, 236, 138), "pole": (118, 20, 138, 236)}
    for kind in ("ellipse", "rectangle"):
        for name, box in boxes.items():
            drawn[f"{kind} {name}"] = image = Image.new("RGB", (256, 256), "white")
            getattr(ImageDraw.Draw(image), kind)(box, fill=(120, 60, 60))
    for corners in (3, 5):
        drawn[f"{corners} corners"] = image = Image.new("RGB", (256, 256), "white")
        ImageDraw.Draw(image).regular_polygon((128, 128, 80), corners, fill=(60, 120, 60))
    lines = {"sketch of a chair": [(80, 30), (80, 230), (80, 130), (180, 130), (180, 230)]}
    lines["cross"] = [(40, 40), (216, 216), (128, 128), (216, 40), (40, 216)]
    for name, ends in lines.items():
        drawn[name] = image = Image.new("RGB", (256, 256), "white")
        ImageDraw.Draw(image).line(ends, fill=0, width=6)
    return drawn


def noise() -> dict[str, Image.Image]:
    """Noise of five grains: over the whole image, and in a disc on white."""
    rng, disc = np.random.default_rng(0), Image.new("L", (256, 256))
    ImageDraw.Draw(disc).ellipse((40, 40, 210, 210), fill=255)
    textures = {}
    for grain in (4, 8, 16, 32, 64):
        texture = Image.fromarray(rng.integers(0, 256, (grain, grain, 3), dtype=np.uint8)).resize((256, 256))
        textures[f"{grain}"] = texture
        textures[f"{grain} in a disc"] = Image.composite(texture, Image.new("RGB", texture.size, "white"), disc)
    return textures


def all_measures(
    model: models.Model, learned: dict[str, Image.Image], codes: np.ndarray
) -> dict[str, Callable[[list[Image.Image]], np.ndarray]]:
    """The measures (N,) of pictures, each larger for a stranger picture, by name; ``codes`` are those learned."""
    assert model.encoder is not None
    encoder = model.encoder

    def features(some: list[Image.Image]) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([encoder.features(part) for part in tensors(model, some).split(256)])

    def codes_of(some: list[Image.Image]) -> torch.Tensor:
        return model.encode(tensors(model, some))

    def spread(some: list[Image.Image]) -> np.ndarray:
        copies = torch.stack([model.encode(copy) for copy in changed(tensors(model, some))])
        return (copies - codes_of(some)).square().sum(dim=2).mean(dim=0).sqrt().numpy()

    known = features([*learned.values()])
    of_features, of_codes = calibration.distribution_of(known), calibration.distribution_of(torch.from_numpy(codes))
    return {
        "features, Mahalanobis": lambda some: of_features.distances(features(some)).numpy(),
        "features, 5 nearest": lambda some: cKDTree(known).query(features(some), 5)[0].mean(axis=1),
        "codes, Mahalanobis": lambda some: of_codes.distances(codes_of(some)).numpy(),
        "codes, nearest": lambda some: cKDTree(codes).query(codes_of(some))[0],
        "codes, spread": spread,
    }


def tensors(model: models.Model, some: list[Image.Image]) -> torch.Tensor:
    """Pictures as the encoder sees them, (N, 3, S, S) uint8."""
    assert model.image_size is not None
    return torch.stack([images.to_tensor(picture, model.image_size, model.crop_to_object) for picture in some])


def changed(seen: torch.Tensor) -> list[torch.Tensor]:
    """Copies of pictures: shifted by 3 %, scaled, turned by 4 degrees, brighter and darker."""
    some = seen.float() / 255
    shift = max(1, round(0.03 * seen.shape[-1]))
    moves = [(0, (x, y), 1.0) for x, y in ((shift, 0), (-shift, 0), (0, shift), (0, -shift))]
    moves += [(0, (0, 0), 0.93), (0, (0, 0), 1.05), (4, (0, 0), 1.0), (-4, (0, 0), 1.0)]
    copies = [functional.affine(some, turn, [*by], scale, [0, 0], fill=[1, 1, 1]) for turn, by, scale in moves]
    copies += [(some * factor).clamp(0, 1) for factor in (0.85, 1.15)]
    return [(255 * copy).byte() for copy in copies]


def silhouette(model: models.Model, picture: Image.Image) -> float:
    """1 - IoU of the picture's silhouette with the reconstruction's, of 54 directions the best one."""
    mesh = inference.meshes_of(model.decoder, model.encode(tensors(model, [picture])), 72, 18)[0]
    seen, best = filled(np.asarray(picture).min(axis=2) <= images.OBJECT), 0.0
    for azimuth, elevation in itertools.product(range(0, 360, 20), (5, 20, 35)):
        theirs = filled(previews.shaded(mesh, 48, azimuth, elevation) < 255)
        best = max(best, metrics.iou(seen, theirs))
    return 1 - best


def filled(mask: np.ndarray) -> np.ndarray:
    """A mask (H, W), cropped to its object and scaled into a square (SMALL, SMALL)."""
    box = Image.fromarray(mask).getbbox()
    square = Image.new("L", (SMALL, SMALL))
    if box:
        square.paste(ImageOps.contain(Image.fromarray(255 * mask.astype(np.uint8)).crop(box), (SMALL, SMALL)))
    return np.asarray(square) > 127


def separation(known: np.ndarray, strange: np.ndarray) -> float:
    """The probability that a strange picture has a larger value than a known one: the area under the ROC curve."""
    return float(mannwhitneyu(strange, known).statistic / (len(known) * len(strange)))


if __name__ == "__main__":
    main()
