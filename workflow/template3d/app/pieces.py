"""The page's texts and pictures, as HTML, and its style."""

import base64
import io
import re
from html import escape
from pathlib import Path

from PIL import Image

from template3d.app.models import Models
from template3d.app.reconstructor import Reconstructor, Shape, picture
from template3d.evaluation.methods import METHODS

CSS = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
CLICK_DOWNLOAD = "() => setTimeout(() => document.querySelector('#download').click(), 100)"
BACKGROUNDS = {
    "alpha": "transparent in the file",
    "border": "plain, removed",
    "rembg": "removed by rembg",
    "drawing": "as drawn",
    "kept": "not recognized: paint it white in the cut-out, or use a photo before a plain wall",
}
"""What a background's name in ``photos`` means."""
SHAPENET = ".venv/bin/snakemake --configfile resources/shapenet_paper.yaml --config shapenet=/data/ShapeNetCore.v2"


def header(models: Models) -> str:
    """The title, and what the models have seen."""
    built_in = [origin for origin in models.seen.values() if origin and origin.built_in]
    lines = []
    if built_in:
        categories = _listed([origin.category for origin in built_in])
        lines.append(
            f"<strong>The models of {categories} have only seen simple built-in demo shapes.</strong> Real photos "
            f"will not work well. Try views of the demo, or train on ShapeNet: <code>{SHAPENET}</code>"
        )
    for category, origin in models.seen.items():
        if origin is None:
            lines.append(f"What the model of {escape(category)} has seen is not known.")
        elif not origin.built_in:
            lines.append(f"The model of {escape(category)} learned from {escape(str(origin))}.")
    return "<h1>From a photo to a shape</h1>" + "".join(f"<p class='notice'>{line}</p>" for line in lines)


def status(text: str) -> str:
    """A line about what was done; ``text`` is HTML."""
    return f"<p class='status' role='status'>{text}</p>"


def failure(error: object) -> str:
    """A line about what failed, and the way out."""
    text = str(error)
    if text.partition(" ")[0].isalpha():  # and not the name of a file
        text = text[0].upper() + text[1:]
    return f"<p class='status failed' role='alert'>{escape(text)}.</p>"


def summary(shape: Shape, background: str, seconds: float) -> str:
    """How a shape was reconstructed, as HTML."""
    parts = [f"<strong>{escape(shape.category)}</strong>, {method_name(shape.method)}, in {seconds:.1f} s."]
    if shape.agreements:
        shares = ", ".join(f"{escape(name)} {100 * share:.0f} %" for name, share in shape.agreements.items())
        parts.append(f"The category is a guess by the outline ({shares}); choose another if it is wrong.")
    word, reason = shape.confidence.word, f"{shape.confidence}".removeprefix(shape.confidence.word)
    parts.append(f"Confidence: <strong>{word}</strong>{escape(reason)}.")
    parts.append(f"Background: {BACKGROUNDS.get(background, background)}.")
    return " ".join(parts)


def neighbours(reconstructor: Reconstructor, shape: Shape, seen: Image.Image | None) -> str:
    """Pictures of what the encoder saw, of the shape, and of the training shapes nearest to it."""
    figures = [] if seen is None else [_figure(seen.resize((256, 256)), "What the encoder saw")]
    figures.append(_figure(picture(shape.mesh), "This shape"))
    figures += [
        _figure(near.picture, f"Training shape {near.shape[:8]}, distance {near.distance:.1f}")
        for near in reconstructor.nearest(shape)
    ]
    text = (
        "Training shapes with the nearest codes. If one of them looks like this shape, the model may only remember it. "
        "Distance 1 is usual between neighbouring training shapes."
    )
    return f"<div class='figures'>{''.join(figures)}</div><p class='caption'>{text}</p>"


def method_name(method: str) -> str:
    """A method's name in words."""
    return METHODS[method].name if method in METHODS else method


def file_name(file: str) -> str:
    """A photo's name without its ending, as the name of files to download."""
    return re.sub(r"[^\w-]+", "_", Path(file).stem)[:60] or "shape"


def without_folder(error: Exception, file: str) -> str:
    """A message about an uploaded file, by its name alone."""
    return str(error).replace(file, Path(file).name)


def _figure(image: Image.Image, caption: str) -> str:
    content = io.BytesIO()
    image.save(content, format="PNG")
    source = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
    return f"<figure><img src='{source}' alt='{escape(caption)}'><figcaption>{escape(caption)}</figcaption></figure>"


def _listed(names: list[str]) -> str:
    return escape(names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}")
