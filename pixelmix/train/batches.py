"""Mix-and-Separate examples (paper section 3.2): solos mixed, each with a picture of its class.

Every mixture also has a picture that makes no sound, so that silent places learn to stay silent.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from pixelmix.errors import InputError
from pixelmix.train.cache import Maps, picture_views, training_sounds
from pixelmix.train.kit import SCENES
from pixelmix.train.recipe import Recipe
from pixelmix.train.sounds import augment, noise
from pixelmix.types import FloatArray


class Batch(NamedTuple):
    """``b`` mixtures of ``n`` solos; index ``n`` along ``slots`` is the picture without sound."""

    waves: Tensor
    """(b, slots, samples) float32; the last is noise that belongs to no picture, or zeros."""
    cells: Tensor
    """(b, slots, cells, projected) float16, the cells of each solo's pictures."""
    classes: Tensor
    """(b, slots) int64 indices into the class names; one past the last for scenes."""


class Mixer:
    """Draws mixtures from a cache."""

    def __init__(self, cache: Path, recipe: Recipe, rng: np.random.Generator) -> None:
        self._recipe = recipe
        self._rng = rng
        self._pool = training_sounds(cache, recipe.front_end.rate)
        kinds, self._views = picture_views(cache)
        self._tracks = _by_class(self._pool.classes)
        self._pictures = _by_class(kinds)
        self.names = sorted(self._tracks)
        """Classes of the solos, in the order of their indices."""
        for name in self.names:
            if name not in self._pictures:
                raise InputError(f"{cache}: there are solos but no pictures of the class {name!r}")
        if len(self.names) < 4:
            raise InputError(f"{cache}: solos of {len(self.names)} classes; mixing takes 4 or more")

    def batch(self, samples: int) -> Batch:
        """Return one batch of mixtures of ``samples``, all of two or all of three solos."""
        count = 3 if self._chance(self._recipe.three_probability) else 2
        drawn = [self._mixture(count, samples) for _ in range(self._recipe.batch)]
        waves, cells, classes = zip(*drawn, strict=True)
        return Batch(
            torch.from_numpy(np.stack(waves)),
            torch.from_numpy(np.stack(cells)),
            torch.from_numpy(np.array(classes)),
        )

    def _mixture(self, count: int, samples: int) -> tuple[FloatArray, Maps, list[int]]:
        recipe, rng = self._recipe, self._rng
        names = [str(name) for name in rng.choice(self.names, count + 1, replace=False)]
        if self._chance(recipe.silent_scene_probability):
            names[-1] = SCENES
        level = rng.uniform(*recipe.loudness)
        waves = np.zeros((count + 1, samples), np.float32)
        for slot, name in enumerate(names[:-1]):
            track = int(rng.choice(self._tracks[name]))
            sound = augment(self._pool.crop(track, samples, rng), self._pool.rate, rng)
            spread = rng.uniform(-recipe.level_spread, recipe.level_spread)
            waves[slot] = sound * _gain(level + spread)
        if self._chance(recipe.noise_probability):
            waves[-1] = noise(samples, rng) * _gain(level + rng.uniform(*recipe.noise_level))
        classes = [len(self.names) if n == SCENES else self.names.index(n) for n in names]
        return waves, np.stack([self._look(name) for name in names]), classes

    def _look(self, name: str) -> Maps:
        """Return ``(2 * rows * cols, projected)``: the cells of a picture and what is around it.

        The head takes the maximum over them, so that joined cells act like a wider picture.
        """
        picture = int(self._rng.choice(self._pictures[name]))
        cells = self._view(picture)
        where = self._rng.random() - self._recipe.other_view_probability
        if where < 0:
            other = self._view(picture)
        elif where < self._recipe.clutter_probability:
            other = self._view(int(self._rng.choice(self._pictures[SCENES])))
        else:
            other = cells
        return np.concatenate([cells, other])

    def _view(self, picture: int) -> Maps:
        maps = self._views[int(self._rng.integers(len(self._views)))][picture]
        cells: Maps = maps.reshape(-1, maps.shape[-1])
        return cells

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)


class _Stream(IterableDataset[Batch]):
    def __init__(self, cache: Path, recipe: Recipe, samples: int, seed: tuple[int, ...]) -> None:
        self._arguments = cache, recipe, samples, seed

    def __iter__(self) -> Iterator[Batch]:
        cache, recipe, samples, seed = self._arguments
        # Opened here: in the process that reads, without copying the arrays into it.
        mixer = Mixer(cache, recipe, np.random.default_rng(seed))
        while True:
            yield mixer.batch(samples)


def batches(cache: Path, recipe: Recipe, samples: int, step: int) -> Iterator[Batch]:
    """Yield batches without end, prepared by the recipe's workers; ``step`` varies the draws."""
    # Several workers would all draw the same mixtures.
    loader = DataLoader(
        _Stream(cache, recipe, samples, (recipe.seed, step)),
        batch_size=None,
        num_workers=min(recipe.workers, 1),
        prefetch_factor=6 if recipe.workers else None,
    )
    return iter(loader)


def class_names(cache: Path, recipe: Recipe) -> list[str]:
    """Return the names of the solos' classes in a cache."""
    return Mixer(cache, recipe, np.random.default_rng(0)).names


def _by_class(kinds: tuple[str, ...]) -> dict[str, npt.NDArray[np.intp]]:
    return {kind: np.flatnonzero(np.array(kinds) == kind) for kind in sorted(set(kinds))}


def _gain(db: float) -> np.float32:
    return np.float32(10 ** (db / 20))
