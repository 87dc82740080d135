"""Renders for the tests of Blender: the picture of a view, and views of the front and of the back."""

import numpy as np
from PIL import Image
from template3d.rendering.cameras import View

FRONT, BACK = View(0, 0, 1.5), View(180, 0, 1.5)


def picture(studio, view, folder) -> np.ndarray:
    studio.render(view, folder / "view.png")
    return np.array(Image.open(folder / "view.png")).astype(int)
