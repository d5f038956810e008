"""The pictures of a mixture's sources, as the vision side takes them in training."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pixelmix.data.dataset import SCENES, Dataset, Sound
from pixelmix.train.features import Features, Maps, look
from pixelmix.train.recipe import Recipe


class Looks(Protocol):
    """Draws pictures; all tensors of one kind have the same shape."""

    def of(self, sound: Sound, rng: np.random.Generator, middle: float | None = None) -> Tensor:
        """Return a look at what makes the sound, around a moment of it (seconds) or at any."""

    def scene(self, rng: np.random.Generator) -> Tensor:
        """Return a look at an empty scene."""


class Pictures:
    """Which pictures of the training split show what."""

    def __init__(self, dataset: Dataset) -> None:
        kinds = training_stills(dataset)
        self._kinds = {kind: np.array(pictures) for kind, pictures in kinds.items()}
        self.scenes: Sequence[int] = [int(picture) for picture in kinds.get(SCENES, [])]

    def of(self, sound: Sound) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the pictures of a sound: its own, or those of its class; there may be none."""
        if sound.pictures:
            return np.arange(sound.first_picture, sound.first_picture + sound.pictures)
        return self._kinds.get(sound.kind, np.zeros(0, np.int64))


def training_stills(dataset: Dataset) -> dict[str, list[int]]:
    """Return the stills of the training split by kind, scenes included."""
    kinds: dict[str, list[int]] = {}
    for still in dataset.stills:
        if still.split == "train":
            kinds.setdefault(still.kind, []).append(still.picture)
    return kinds


class FrozenLooks:
    """Cells ``(2 * rows * cols, projected)`` of cached maps: a picture and what is around it.

    The vision head takes the maximum over them, so that joined cells act like a wider picture.
    """

    def __init__(self, dataset: Dataset, features: Features, recipe: Recipe) -> None:
        self._pictures = Pictures(dataset)
        self._features = features
        self._recipe = recipe

    def of(
        self,
        sound: Sound,
        rng: np.random.Generator,
        middle: float | None = None,  # noqa: ARG002 - few moments were looked at
    ) -> Tensor:
        """Return a picture's cells with those of another view, of a scene, or alone."""
        known = [p for p in self._pictures.of(sound) if int(p) in self._features.rows]
        return self._joined(int(rng.choice(known)), rng)

    def scene(self, rng: np.random.Generator) -> Tensor:
        """Return a scene's cells, joined likewise."""
        return self._joined(int(rng.choice(self._pictures.scenes)), rng)

    def _joined(self, picture: int, rng: np.random.Generator) -> Tensor:
        cells = self._view(picture, rng)
        where = rng.random() - self._recipe.other_view
        if where < 0:
            other = self._view(picture, rng)
        elif where < self._recipe.clutter and self._pictures.scenes:
            other = self._view(int(rng.choice(self._pictures.scenes)), rng)
        else:
            other = cells
        return torch.from_numpy(np.concatenate([cells, other]))

    def _view(self, picture: int, rng: np.random.Generator) -> Maps:
        maps = self._features.views[int(rng.integers(len(self._features.views)))]
        chosen = maps[self._features.rows[picture]]
        cells: Maps = chosen.reshape(-1, chosen.shape[-1])
        return cells


class TunedLooks:
    """Pictures ``(frames, side, side, 3)`` uint8, augmented anew every time."""

    def __init__(self, dataset: Dataset, recipe: Recipe) -> None:
        self._dataset = dataset
        self._pictures = Pictures(dataset)
        self._recipe = recipe

    def of(self, sound: Sound, rng: np.random.Generator, middle: float | None = None) -> Tensor:
        """Return a window's frames of a video, or several pictures of a sound's class."""
        recipe = self._recipe
        if not sound.pictures:
            return self._views(
                [int(p) for p in rng.choice(self._pictures.of(sound), recipe.frames)], rng
            )
        offsets = (np.arange(recipe.frames) - (recipe.frames - 1) / 2) * recipe.frame_spacing
        if middle is None:
            middle = rng.uniform(0, sound.pictures / sound.frame_rate)
        return self._views([self._dataset.picture_at(sound, middle + t) for t in offsets], rng)

    def scene(self, rng: np.random.Generator) -> Tensor:
        """Return several empty scenes."""
        return self._views(
            [int(p) for p in rng.choice(self._pictures.scenes, self._recipe.frames)], rng
        )

    def _views(self, pictures: Sequence[int], rng: np.random.Generator) -> Tensor:
        scenes, recipe = self._pictures.scenes, self._recipe
        if recipe.picture_changes == "crop":
            # The same crop for all frames, as of one shot.
            seed = int(rng.integers(2**63))
            views = [look(self._dataset, p, scenes, recipe, _again(seed)) for p in pictures]
        else:
            views = [look(self._dataset, p, scenes, recipe, rng) for p in pictures]
        return torch.from_numpy(np.stack(views))


def _again(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
