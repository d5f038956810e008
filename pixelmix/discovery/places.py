"""From cells to boxes in the displayed picture."""

import numpy as np
from scipy import ndimage

from pixelmix.types import Box, FloatArray

_OFTEN = 0.3
"""Cells count that have this part of what the best one has over the whole video."""
_LARGE = 0.25
"""Another place has this part of the largest one's sound, at least."""


def boxes(cells: FloatArray, width: int, height: int) -> tuple[Box, ...]:
    """Return the boxes around the places in a map ``(rows, cols)``, from left to right.

    ``width`` and ``height`` are those of the displayed picture, pixels. A map without anything in
    it is everywhere.
    """
    rows, cols = cells.shape
    seen = cells >= max(_OFTEN * float(cells.max(initial=0.0)), 1e-12)
    if not seen.any():
        return (Box(0.0, 0.0, float(width), float(height)),)
    joined = np.ones((3, 3), np.bool_)
    labels, count = ndimage.label(seen, joined)
    weights = ndimage.sum_labels(cells, labels, np.arange(1, count + 1))
    found = []
    for place, weight in zip(ndimage.find_objects(labels), weights, strict=True):
        if weight >= _LARGE * weights.max():
            down, across = place
            found.append(
                Box(
                    x=across.start * width / cols,
                    y=down.start * height / rows,
                    width=(across.stop - across.start) * width / cols,
                    height=(down.stop - down.start) * height / rows,
                )
            )
    return tuple(sorted(found, key=lambda box: (box.x, box.y)))


def around(places: tuple[Box, ...]) -> Box:
    """Return the box around boxes."""
    left, top = min(box.x for box in places), min(box.y for box in places)
    right = max(box.x + box.width for box in places)
    bottom = max(box.y + box.height for box in places)
    return Box(left, top, right - left, bottom - top)
