"""Where regions usually are: from cells to places, and to boxes in the displayed picture."""

import numpy as np
from scipy import ndimage

from pixelmix.types import BoolArray, Box, FloatArray

_JOINED = np.ones((3, 3), np.bool_)
_ENOUGH = 0.3
"""Cells count that have this part of what the best one has, at a moment or over the whole video."""
_LARGE = 0.25
"""Another place has this part of the largest one's sound, at least."""


def boxes(cells: FloatArray, width: int, height: int) -> tuple[Box, ...]:
    """Return the boxes around the places in a map ``(rows, cols)``, from left to right.

    ``width`` and ``height`` are those of the displayed picture, pixels. A map without anything in
    it is everywhere.
    """
    rows, cols = cells.shape
    labels, count = ndimage.label(prominent(cells), _JOINED)
    if not count:
        return (Box(0.0, 0.0, float(width), float(height)),)
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


def prominent(cells: FloatArray) -> BoolArray:
    """Return which cells of maps ``(..., rows, cols)`` count: those that have enough."""
    most = cells.max(axis=(-2, -1), keepdims=True, initial=0.0)
    enough: BoolArray = cells >= np.maximum(_ENOUGH * most, 1e-12)
    return enough


def without_edges(cells: FloatArray) -> FloatArray:
    """Give the edge of one region to that region, where another is seen there, too.

    ``cells (regions, scenes, rows, cols)`` is the energy of each. A player's edge looks half like
    what is around, and so perhaps like another player: a place of a region that borders on a
    louder one's is that one's edge if the region is seen in a place of its own at the same time.
    """
    usual = cells.sum(axis=1)
    cells = cells.copy()
    louder: list[int] = []
    for one in np.argsort(-usual.sum(axis=(1, 2)), kind="stable"):
        labels, count = ndimage.label(prominent(usual[one]), _JOINED)
        beside = {
            int(place): other
            for other in reversed(louder)
            for place in np.unique(labels[bordering(prominent(usual[other]))])
            if place
        }
        courses = {
            place: cells[one][:, labels == place].sum(axis=1) for place in range(1, count + 1)
        }
        own = sum((courses[place] for place in courses if place not in beside), np.zeros(1))
        for place, other in beside.items():
            edge, course = labels == place, courses[place]
            if np.minimum(course, own).sum() >= _LARGE * max(course.sum(), 1e-12):
                cells[other][:, edge] = np.maximum(cells[other][:, edge], cells[one][:, edge])
                cells[one][:, edge] = 0.0
        louder.append(int(one))
    return cells


def bordering(cells: BoolArray) -> BoolArray:
    """Return the cells of a map and those beside them."""
    wider: BoolArray = ndimage.binary_dilation(cells, _JOINED)
    return wider


def enlarged(cells: BoolArray, shape: tuple[int, int]) -> BoolArray:
    """Return a map as one with more cells: each is as the one that it lies in."""
    rows, cols = (np.arange(n) * m // n for n, m in zip(shape, cells.shape, strict=True))
    return cells[np.ix_(rows, cols)]


def reduced(cells: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return a map as one with fewer cells: each is the maximum of those that lie in it."""
    rows, cols = (np.arange(n) * m // n for n, m in zip(cells.shape, shape, strict=True))
    fewer = np.zeros(shape, np.float32)
    np.maximum.at(fewer, np.ix_(rows, cols), cells)
    return fewer


def around(places: tuple[Box, ...]) -> Box:
    """Return the box around boxes."""
    left, top = min(box.x for box in places), min(box.y for box in places)
    right = max(box.x + box.width for box in places)
    bottom = max(box.y + box.height for box in places)
    return Box(left, top, right - left, bottom - top)
