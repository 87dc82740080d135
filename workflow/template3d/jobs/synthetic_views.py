"""Renders one synthetic shape's views."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from template3d.data import synthetic, views
from template3d.jobs.render import studio
from template3d.rendering import protocols
from template3d.runtime import randomness

VIEWS_OF_KIND = 6
"""Views of a shape, of each kind; thrice as many shapes, with 2 of each kind, helped no more (docs/method.md)."""
COLOURS = 0.1, 0.7
"""The range of each channel of a shape's random colour."""


def one_shape(
    category: str, kinds: Sequence[str], archive: Path, shape: str, settings: dict[str, Any]
) -> dict[str, bytes]:
    """The images of a shape of ``archive``, in one random colour; ``settings`` holds ``seed`` and parts of ``views``.

    Raises InputError if no view shows the whole shape.
    """
    (vertices, faces, _), rng = synthetic.read(archive, shape), randomness.generator(shape, settings["seed"], "views")
    scene = studio(threads=1, **settings["views"])
    scene.show_mesh(vertices, faces, (*rng.uniform(*COLOURS, size=3), 1.0), smooth=False)
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            drawn = protocols.draw_views(kind, vertices, VIEWS_OF_KIND, settings["views"]["image_size"], rng)
            for index, view in enumerate(drawn):
                image = Path(folder) / "view.png"
                scene.render(view, image)
                files[views.member_name(category, shape, kind, index)] = views.without_texts(image.read_bytes())
    return files
