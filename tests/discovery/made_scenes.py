"""Scenes made by hand: what is where, and how loud; no file and no network."""

from collections.abc import Mapping, Sequence

import numpy as np

from pixelmix.discovery.prototypes import prototypes
from pixelmix.discovery.scene import Scene, describe
from pixelmix.types import FloatArray

K, ROWS, FRAMES = 4, 16, 40
SHAPE = (10, 18)
STEP = 0.05

Placed = tuple[int, int, int]
"""A kind of thing, and the row and column of the top left of its 3 x 3 cells."""


def masks_of(vectors: FloatArray, points: FloatArray) -> FloatArray:
    """Masks ``(n, points)`` of vectors ``(n, K)`` where components are ``(K, points)``."""
    masks: FloatArray = (1 / (1 + np.exp(4.0 - vectors @ points))).astype(np.float32)
    return masks


def looks(placed: Sequence[Placed], shape: tuple[int, int] = SHAPE) -> FloatArray:
    """Return features ``(K, rows, cols)``: each kind has a component of its own."""
    features = np.full((K, *shape), 0.02, np.float32)
    for kind, row, col in placed:
        features[kind, row : row + 3, col : col + 3] = 0.98
    return features


def sounds(loud: Mapping[int, float], seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Return components ``(K, ROWS, FRAMES)`` and magnitude: each kind has four rows."""
    random = np.random.default_rng(seed)
    components = np.zeros((K, ROWS, FRAMES), np.float32)
    magnitude = np.full((ROWS, FRAMES), 1e-3, np.float32)
    for kind in range(K):
        own = slice(4 * kind, 4 * kind + 4)
        components[kind, own] = 8.0 + random.normal(0.0, 0.5, (4, FRAMES))
        magnitude[own] += loud.get(kind, 0.0) * random.uniform(0.5, 1.5, (4, FRAMES))
    return components, magnitude


def make_scene(
    placed: Sequence[Placed], loud: Mapping[int, float], *, start: float = 0.0, seed: int = 0
) -> Scene:
    """Return the record of a stretch that shows and sounds so."""
    return scene_of(looks(placed), loud, start=start, seed=seed)


def scene_of(
    features: FloatArray, loud: Mapping[int, float], *, start: float = 0.0, seed: int = 0
) -> Scene:
    """Return the record of a stretch with these features ``(K, rows, cols)``."""
    components, magnitude = sounds(loud, seed)
    seen = prototypes(features)
    masks = masks_of(seen.vectors, components.reshape(K, -1)).reshape(-1, ROWS, FRAMES)
    return describe(start, STEP, seen, masks, components, magnitude)
