"""Views in which it is known what is where: pictures of classes placed in scenes or side by side.

Photographs show one object each. Videos show several at once, small, in rooms; a backbone that
shall say where something is has to learn from pictures of that kind.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PIL import Image

from pixelmix.train.nets import STRIDE
from pixelmix.train.pictures import crop, degrade, flipped, occlude, recolour, tilted
from pixelmix.types import ByteArray

MOST = 3
"""Objects in one view."""
_COUNTS = (0.1, 0.4, 0.35, 0.15)
"""Probability of 0 to `MOST` objects."""
_ALONE = 0.5
"""Of a single object: its picture is the whole view ..."""
_BESIDE = 0.35
"""Of several: their pictures fill the view side by side; otherwise they stand in a scene."""

Load = Callable[[int], Image.Image]
"""Gives a picture by its number in the dataset."""


class View(NamedTuple):
    """A view and what it shows; ``rows`` and ``cols`` are cells of the network's map."""

    pixels: ByteArray
    """(side, side, 3)"""
    kinds: np.ndarray[tuple[int], np.dtype[np.int64]]
    """(MOST,) class of each object, -1 for none."""
    cells: np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]
    """(MOST, rows, cols): where each object is, as far as it is known."""


class Composer:
    """Draws views."""

    def __init__(
        self, kinds: Mapping[str, Sequence[int]], scenes: Sequence[int], load: Load, side: int
    ) -> None:
        self._pictures = [np.asarray(kinds[kind]) for kind in sorted(kinds)]
        self._scenes = np.asarray(scenes)
        self._load = load
        self._side = side

    @property
    def kinds(self) -> int:
        """Return how many classes there are."""
        return len(self._pictures)

    def draw(self, rng: np.random.Generator) -> View:
        """Draw a view."""
        side = self._side
        count = int(rng.choice(len(_COUNTS), p=_COUNTS)) if len(self._scenes) else 1
        count = min(count, len(self._pictures))
        kinds = rng.choice(len(self._pictures), count, replace=False)
        chosen = [self._load(int(rng.choice(self._pictures[kind]))) for kind in kinds]
        chosen = [flipped(picture, rng) for picture in chosen]
        if count == 1 and (not len(self._scenes) or rng.random() < _ALONE):
            view, boxes = crop(chosen[0], side, rng, 0.35), [(0, 0, side, side)]
        elif count > 1 and rng.random() < _BESIDE:
            view, boxes = _beside(chosen, side, rng)
        else:
            view, boxes = _placed(chosen, crop(self._scene(rng), side, rng, 0.4), rng)
        if len(self._scenes) and rng.random() < 0.2:
            view = occlude(view, crop(self._scene(rng), side, rng, 0.2), rng)
        view = degrade(recolour(view, rng), rng)
        size = side // STRIDE
        shown = np.full(MOST, -1, np.int64)
        shown[:count] = kinds
        cells = np.zeros((MOST, size, size), np.bool_)
        for place, box in zip(cells, boxes, strict=False):
            left, top, right, bottom = (edge / STRIDE for edge in box)
            place[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
        return View(np.asarray(view), shown, cells)

    def _scene(self, rng: np.random.Generator) -> Image.Image:
        return flipped(self._load(int(rng.choice(self._scenes))), rng)


_Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


def _strips(count: int, side: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Cut ``side`` into ``count`` pieces of different widths; return where each begins and ends."""
    widths = rng.uniform(0.6, 1.4, count)
    edges = np.concatenate([[0], np.cumsum(widths) / widths.sum() * side]).round().astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def _beside(
    pictures: Sequence[Image.Image], side: int, rng: np.random.Generator
) -> tuple[Image.Image, list[_Box]]:
    view = Image.new("RGB", (side, side))
    boxes = []
    for picture, (left, right) in zip(pictures, _strips(len(pictures), side, rng), strict=True):
        width, height = picture.size
        # The largest part of the strip's shape, a little closer or not.
        shape = (right - left) / side
        part = min(width, height * shape) * rng.uniform(0.75, 1.0)
        w, h = part, part / shape
        x, y = rng.uniform(0, width - w), rng.uniform(0, max(0.0, height - h))
        box = (x, y, x + w, min(height, y + h))
        piece = picture.resize((right - left, side), Image.Resampling.BILINEAR, box=box)
        view.paste(piece, (left, 0))
        boxes.append((left, 0, right, side))
    return view, boxes


def _placed(
    pictures: Sequence[Image.Image], scene: Image.Image, rng: np.random.Generator
) -> tuple[Image.Image, list[_Box]]:
    view, side, boxes = scene.copy(), scene.width, []
    strips = _strips(max(1, len(pictures)), side, rng)
    for picture, (left, right) in zip(pictures, strips, strict=False):
        room = right - left
        # Wide enough to be seen, and within its strip.
        scale = min(rng.uniform(0.4, 1.0) * side / max(picture.size), room / picture.width)
        size = (max(24, int(picture.width * scale)), max(24, int(picture.height * scale)))
        small, mask = tilted(picture, size, rng)
        x = left + int(rng.integers(min(0, room - small.width), max(0, room - small.width) + 1))
        y = int(rng.integers(min(0, side - small.height), max(0, side - small.height) + 1))
        view.paste(small, (x, y), mask)
        box = (max(0, x), max(0, y), min(side, x + small.width), min(side, y + small.height))
        boxes.append(box)
    return view, boxes
