"""Few vectors that stand for all cells of a feature map."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pixelmix.types import FloatArray

MOST = 48
"""Vectors of one map, at most."""
NEAR = 0.04
"""Root mean square difference of the activations (0 to 1) below which a cell needs none."""

LabelArray = npt.NDArray[np.uint8]


class Prototypes(NamedTuple):
    """A feature map as some of its vectors, and which of them each cell is nearest to."""

    vectors: FloatArray
    """(n, k)"""
    labels: LabelArray
    """(rows, cols)"""

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(n,) cells of each vector."""
        return np.bincount(self.labels.ravel(), minlength=len(self.vectors))

    def cells(self) -> FloatArray:
        """Return the map ``(rows, cols, k)``: every cell as the vector that stands for it."""
        cells: FloatArray = self.vectors[self.labels]
        return cells


def prototypes(features: FloatArray) -> Prototypes:
    """Choose vectors of a map ``(k, rows, cols)`` until every cell is near to one.

    Each is the cell farthest from those before (Gonzalez' algorithm, 1985), which never misses a
    small object that differs from all else; the first is the one with the greatest sum.
    """
    k, rows, cols = features.shape
    cells = features.reshape(k, -1).T
    chosen = [int(cells.sum(axis=1).argmax())]
    distance = _distance(cells, chosen[0])
    labels = np.zeros(len(cells), np.uint8)
    while len(chosen) < MOST and distance.max() > NEAR**2 * k:
        chosen.append(int(distance.argmax()))
        to_new = _distance(cells, chosen[-1])
        nearer = to_new < distance
        labels[nearer] = len(chosen) - 1
        distance = np.where(nearer, to_new, distance)
    return Prototypes(cells[chosen].copy(), labels.reshape(rows, cols))


def _distance(cells: FloatArray, index: int) -> FloatArray:
    difference: FloatArray = np.square(cells - cells[index]).sum(axis=1)
    return difference
