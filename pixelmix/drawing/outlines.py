"""Regions drawn into a picture: lit and tinted, with smooth outlines."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from pixelmix.drawing.canvas import Colour
from pixelmix.types import BoolArray, ByteArray, FloatArray

_FINE = 8
_SMOOTH = 0.5
"""Standard deviation of the blur that rounds the corners, in cells."""
_EDGE = 0.4
"""Where the blurred cells end: below a half, or single cells would vanish."""
_LINE, _HALO = 3.0, 7.0
"""Widths, pixels."""
_SHADE = 0.7
"""How dark the halo is around a line."""
_TINT = 0.22
"""How much of its colour a region takes on."""
_DIM = 0.55
"""How bright the picture stays outside, half of it grey."""


def outline(picture: ByteArray, cells: BoolArray, colours: Sequence[Colour]) -> ByteArray:
    """Return a picture ``(height, width, 3)`` with regions drawn into it.

    Parameters
    ----------
    picture
        (height, width, 3)
    cells
        (regions, rows, cols), a grid over all of the picture.
    colours
        Of the regions.
    """
    if not cells.any():
        return picture
    height, width = picture.shape[:2]
    depths = [_depth(region, height, width) for region in cells]
    original = picture.astype(np.float32)
    grey = original.mean(axis=2, keepdims=True)
    inside = np.max([_cover(depth) for depth in depths], axis=0)[..., None]
    drawn = original * inside + (1 - inside) * _DIM * (original + grey) / 2
    for depth, colour in zip(depths, colours, strict=True):
        drawn += _TINT * _cover(depth)[..., None] * (np.array(colour, np.float32) - drawn)
    for depth, colour in zip(depths, colours, strict=True):
        distance: FloatArray = np.abs(depth)
        drawn *= 1 - 0.7 * _cover(_HALO / 2 - distance)[..., None]
        line = _cover(_LINE / 2 - distance)[..., None]
        drawn += line * (np.array(colour, np.float32) - drawn)
    outlined: ByteArray = np.round(drawn).clip(0, 255).astype(np.uint8)
    return outlined


def largest_parts(cells: BoolArray, most: int) -> list[BoolArray]:
    """Return the connected parts of ``(rows, cols)``, the largest `most`, from left to right."""
    numbers, count = ndimage.label(cells, structure=np.ones((3, 3), np.int8))
    parts = [numbers == number for number in range(1, count + 1)]
    parts.sort(key=lambda part: -int(part.sum()))
    return sorted(parts[:most], key=lambda part: float(np.argwhere(part)[:, 1].mean()))


def _cover(depth: FloatArray) -> FloatArray:
    """Return how much of a pixel lies inside an edge that is `depth` pixels away."""
    covered: FloatArray = np.clip(depth + 0.5, 0.0, 1.0).astype(np.float32)
    return covered


def _depth(cells: BoolArray, height: int, width: int) -> FloatArray:
    """Return ``(height, width)``: about how far each pixel is inside (above zero), pixels."""
    fine = cells.astype(np.float32).repeat(_FINE, axis=0).repeat(_FINE, axis=1)
    blurred = ndimage.gaussian_filter(fine, _SMOOTH * _FINE, mode="nearest")
    image = Image.fromarray(blurred).resize((width, height), Image.Resampling.BICUBIC)
    above = np.array(image) - np.float32(_EDGE)
    slope = np.hypot(_slope(above, 0), _slope(above, 1))
    # A line also runs along the picture's edge.
    rows, cols = (np.minimum(np.arange(side), np.arange(side)[::-1]) for side in (height, width))
    to_edge = np.minimum(rows[:, None], cols[None, :]) - _LINE / 2
    depth: FloatArray = np.minimum(above / np.maximum(slope, 1e-6), to_edge).astype(np.float32)
    return depth


def _slope(values: FloatArray, axis: int) -> FloatArray:
    if values.shape[axis] == 1:
        return np.zeros_like(values)
    slope: FloatArray = np.gradient(values, axis=axis).astype(np.float32)
    return slope
