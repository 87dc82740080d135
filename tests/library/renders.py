"""Renders for the tests of Blender: an OBJ file, the picture of a view, views of the front and of the back."""

import numpy as np
from PIL import Image
from template3d.data import materials, prepared_meshes
from template3d.rendering.cameras import View
from template3d.runtime.limits import USUAL

FRONT, BACK = View(0, 0, 1.5), View(180, 0, 1.5)


def picture(studio, view, folder) -> np.ndarray:
    studio.render(view, folder / "view.png")
    return np.array(Image.open(folder / "view.png")).astype(int)


def show(studio, file, limits=USUAL) -> list[str]:
    """Show an OBJ file with its materials; the warnings."""
    prepared = prepared_meshes.read_file(file)
    described = materials.read(file, prepared.mtllib_lines, limits)
    return studio.show_prepared(prepared, described, file, limits)
