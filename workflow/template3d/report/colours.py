"""Colours for points: by where they belong in the template, or by their labels."""

import matplotlib
import numpy as np


def of_positions(template_coordinates: np.ndarray) -> np.ndarray:
    """Colours (N, 3) uint8 of points (N, 3) in the template: points that correspond have the same colour."""
    return (255 * (0.5 + template_coordinates / 2)).clip(0, 255).astype(np.uint8)


def palette(count: int) -> np.ndarray:
    """Colours (count, 3) uint8 that are easy to tell apart, always the same ones."""
    colours = matplotlib.colormaps["tab20"](np.arange(count) % 20)[:, :3]
    return (255 * colours).round().astype(np.uint8)
