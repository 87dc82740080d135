"""Images of objects on white, cut to the objects, so that a figure spends its space on them."""

from collections.abc import Mapping, Sequence

import numpy as np

WHITE = 250
"""The darkest white, of 255."""
MARGIN = 0.04
"""White left on each side, as a share of the longer side of the box."""


def trimmed(
    rows: Mapping[str, Sequence[np.ndarray]], together: bool = False
) -> tuple[dict[str, list[np.ndarray]], float]:
    """Cut images (H, W, 3) in named rows to the objects on them; returns the rows, and width over height of all images.

    The images of a column stay aligned: they lose the same shares of their sides, also if they have other sizes. With
    ``together`` all columns lose the same, so that their scales stay comparable.
    """
    columns = list(zip(*rows.values(), strict=True))
    boxes = [_box(column) for column in columns]
    if together and boxes:
        boxes = [_union(boxes)] * len(boxes)
    sizes = np.array([box[2:] - box[:2] for box in boxes]).reshape(-1, 2)
    aspect = float(sizes[:, 0].max() / sizes[:, 1].max()) if len(sizes) else 1.0
    cut = [[_cut(image, box, aspect) for image in column] for column, box in zip(columns, boxes, strict=True)]
    return {name: [column[row] for column in cut] for row, name in enumerate(rows)}, aspect


def _box(images: Sequence[np.ndarray]) -> np.ndarray:
    """Left, top, right and bottom of all that is not white, as shares of the sides; the whole image if all is white."""
    boxes = []
    for image in images:
        dark = np.argwhere(image.min(axis=2) < WHITE)[:, ::-1]
        if len(dark):
            boxes.append(np.concatenate([dark.min(axis=0), dark.max(axis=0) + 1]) / np.tile(image.shape[1::-1], 2))
    return _union(boxes) if boxes else np.array([0.0, 0.0, 1.0, 1.0])


def _union(boxes: Sequence[np.ndarray]) -> np.ndarray:
    corners = np.array(boxes)
    return np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])


def _cut(image: np.ndarray, box: np.ndarray, aspect: float) -> np.ndarray:
    """The part of an image with the centre of ``box`` that holds it and has the aspect, on white."""
    sides = np.array(image.shape[1::-1])
    centre, size = (box[:2] + box[2:]) / 2 * sides, (box[2:] - box[:2]) * sides
    height = max(size[0] / aspect, size[1]) * (1 + 2 * MARGIN)
    width, height = (max(1, round(float(side))) for side in (aspect * height, height))
    left, top = np.round(centre - np.array([width, height]) / 2).astype(int)
    part = np.full((height, width, 3), 255, np.uint8)
    x, y = max(left, 0), max(top, 0)
    inside = image[y : top + height, x : left + width]
    part[y - top : y - top + inside.shape[0], x - left : x - left + inside.shape[1]] = inside
    return part
