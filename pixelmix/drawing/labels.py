"""Finding room for labels: near what they name, over nothing else, none over another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelmix.drawing.canvas import Rectangle
from pixelmix.types import BoolArray

FloatGrid = npt.NDArray[np.float64]

_STEP = 4
_GAP = 4
"""Pixels between two labels."""
_NEAR = 10
"""A label up to this many pixels from its patch needs no line to it."""
_OTHERS, _OWN = 1.5, 0.5
"""What covering another patch, or its own, costs; being half the picture away costs about one."""


@dataclass(frozen=True, slots=True)
class Label:
    """Where a label goes."""

    area: Rectangle
    target: tuple[int, int] | None
    """Where a line from it has to lead; None when it is near enough."""


def place_labels(
    sizes: Sequence[tuple[int, int]], patches: Sequence[BoolArray]
) -> list[Label | None]:
    """Return a place for each label, in order; None where no room is left.

    Parameters
    ----------
    sizes
        (width, height) of each label, pixels.
    patches
        (height, width) each: what it names, on the area that labels may lie on.
    """
    taken: list[Rectangle] = []
    labels: list[Label | None] = []
    everything = np.sum(patches, axis=0, dtype=np.float64) if len(patches) else np.zeros((0, 0))
    for size, patch in zip(sizes, patches, strict=True):
        area = _best(size, patch, everything - patch, taken)
        if area is None:
            labels.append(None)
            continue
        taken.append(area)
        labels.append(Label(area, _target(area, patch)))
    return labels


def _best(
    size: tuple[int, int], patch: BoolArray, others: FloatGrid, taken: Sequence[Rectangle]
) -> Rectangle | None:
    width, height = size
    room_y, room_x = patch.shape[0] - height, patch.shape[1] - width
    if room_y < 0 or room_x < 0 or not patch.any():
        return None
    ys = np.unique(np.append(np.arange(0, room_y, _STEP), room_y))[:, None]
    xs = np.unique(np.append(np.arange(0, room_x, _STEP), room_x))[None, :]
    rows, cols = np.nonzero(patch)
    # Best is right above it.
    away_y = ys - (rows.min() - height - 2.0)
    away_x = xs + width / 2 - (cols.min() + cols.max()) / 2
    cost = 2 * np.hypot(away_x, away_y) / max(patch.shape)
    cost += _OTHERS * _mean(others, xs, ys, size)
    cost += _OWN * _mean(patch.astype(np.float64), xs, ys, size)
    for area in taken:
        apart_x = (xs >= area.right + _GAP) | (xs + width + _GAP <= area.x)
        apart_y = (ys >= area.bottom + _GAP) | (ys + height + _GAP <= area.y)
        cost[~(apart_x | apart_y)] = np.inf
    row, col = np.unravel_index(int(cost.argmin()), cost.shape)
    if cost[row, col] == np.inf:
        return None
    return Rectangle(int(xs[0, col]), int(ys[row, 0]), width, height)


def _mean(
    values: FloatGrid, xs: npt.NDArray[np.int64], ys: npt.NDArray[np.int64], size: tuple[int, int]
) -> FloatGrid:
    """Return the mean of `values` under a label at each of ``ys x xs``."""
    width, height = size
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    right, bottom = xs + width, ys + height
    total: FloatGrid = sums[bottom, right] - sums[ys, right] - sums[bottom, xs] + sums[ys, xs]
    return total / (width * height)


def _target(area: Rectangle, patch: BoolArray) -> tuple[int, int] | None:
    near = patch[
        max(0, area.y - _NEAR) : area.bottom + _NEAR, max(0, area.x - _NEAR) : area.right + _NEAR
    ]
    if near.any():
        return None
    points = np.argwhere(patch)
    middle = points[np.square(points - points.mean(axis=0)).sum(axis=1).argmin()]
    return int(middle[1]), int(middle[0])
