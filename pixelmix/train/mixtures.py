"""Mix-and-Separate examples (paper section 3.2): recordings mixed, each with its picture.

Every mixture is drawn from the training's seed, its step and its place in the batch alone. So a
resumed training goes on as if it had not stopped, and several processes, or several loading
workers, draw together what one would.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from pixelmix.data.dataset import Dataset, Sound
from pixelmix.errors import InputError
from pixelmix.train.features import Features
from pixelmix.train.looks import FrozenLooks, Looks, Pictures, TunedLooks
from pixelmix.train.recipe import Recipe
from pixelmix.train.sounds import Sounds, draw_sounds, stacked


class Batch(NamedTuple):
    """``b`` mixtures of ``n`` sources; with ``slots`` of n, or n + 1 where the last is silent."""

    sounds: Sounds
    looks: Tensor
    """(b, slots, ...) as `Looks` draws them."""
    classes: Tensor
    """(b, slots) int64 indices of class names; one past the last for scenes, -1 if not known."""
    chance: Tensor
    """(b, slots) uniform in 0..1: whether the class vector stands in for the picture."""
    heard: Tensor
    """(b, slots) bool: whether the slot's source sounds at all."""
    samples: int
    """Of every mixture."""

    def each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """Return the batch with every array changed."""
        return Batch(
            Sounds(*map(change, self.sounds)),
            change(self.looks),
            change(self.classes),
            change(self.chance),
            change(self.heard),
            self.samples,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where mixtures are drawn from; can be handed to another process."""

    dataset: Path
    features: Path | None
    """Folder of a frozen backbone's maps."""
    recipe: Recipe
    steps: int
    """Of the whole training."""


def trainable(dataset: Dataset) -> tuple[Sound, ...]:
    """Return the training recordings that have pictures, own ones or of their class."""
    pictures = Pictures(dataset)
    return tuple(sound for sound in dataset.split("train") if len(pictures.of(sound)))


class Mixer:
    """Draws mixtures."""

    def __init__(self, source: Source) -> None:
        self._recipe = recipe = source.recipe
        self._steps = source.steps
        self._dataset = dataset = Dataset.open(source.dataset)
        self._looks: Looks = (
            FrozenLooks(dataset, Features.open(source.features, recipe.views), recipe)
            if source.features
            else TunedLooks(dataset, recipe)
        )
        pictures = Pictures(dataset)
        self._scenes = bool(pictures.scenes)
        self.sounds = trainable(dataset)
        """Recordings of the training split that have pictures, own ones or of their class."""
        self.kinds = tuple(sorted({sound.kind for sound in self.sounds if sound.kind}))
        """Class names, in the order of their indices."""
        self._by_kind = {
            kind: [sound for sound in self.sounds if sound.kind == kind] for kind in self.kinds
        }
        self._apart = recipe.pairing == "kinds" and len(self.kinds) > 0
        self._check()

    def _check(self) -> None:
        found, wanted = self._dataset.rate, self._recipe.front_end.rate
        if found != wanted:
            raise InputError(
                f"{self._dataset.folder}: its sounds have {found} Hz, the recipe takes {wanted}; "
                "prepare it at that rate, or set front_end.rate"
            )
        most = 1 + max(i for i, share in enumerate(self._recipe.sources, 1) if share > 0)
        count = len(self.kinds) if self._apart else len(self.sounds)
        needed = most + (self._recipe.silent_picture > 0 and not self._scenes)
        if count < needed:
            what = "classes" if self._apart else "recordings with pictures"
            raise InputError(
                f"{self._dataset.folder}: {count} {what} in the training split; mixtures of "
                f"{most} sources take {needed} or more"
            )

    def samples(self, step: int) -> int:
        """Return the length of the windows of a step."""
        recipe = self._recipe
        whole = step >= recipe.full_from * self._steps
        return recipe.front_end.window_samples if whole else recipe.half_window

    def draw(self, step: int, first: int = 0, count: int | None = None) -> Batch:
        """Return mixtures ``first`` to ``first + count`` of the step's batch (all of them)."""
        recipe = self._recipe
        # What all mixtures of a step share, so that they fit into one array.
        rng = np.random.default_rng((recipe.seed, step))
        rise = (step / self._steps) / recipe.many_from if recipe.many_from else 1.0
        chances = np.array(recipe.sources)
        chances = chances / chances.sum() * min(1.0, rise)
        chances[0] += 1.0 - chances.sum()
        sources = int(rng.choice([2, 3, 4], p=chances))
        silent = bool(rng.random() < recipe.silent_picture)
        last = recipe.batch if count is None else first + count
        drawn = [self._mixture(step, place, sources, silent=silent) for place in range(first, last)]
        sounds, looks, classes, chance, heard = zip(*drawn, strict=True)
        return Batch(
            stacked(sounds),
            torch.stack(looks),
            torch.stack(classes),
            torch.stack(chance),
            torch.stack(heard),
            self.samples(step),
        )

    def _mixture(
        self, step: int, place: int, count: int, *, silent: bool
    ) -> tuple[Sounds, Tensor, Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((self._recipe.seed, step, place))
        # Without a source to spare, only a scene can be silent.
        spare = silent and self._spare(count)
        chosen = self._choose(count + spare, rng)
        sounds = draw_sounds(self._dataset, chosen[:count], self.samples(step), self._recipe, rng)
        middles = zip(chosen[:count], sounds.middles.tolist(), strict=True)
        looks = [self._looks.of(sound, rng, middle) for sound, middle in middles]
        classes = [self._class(sound) for sound in chosen[:count]]
        if silent:
            scene = not spare or (self._scenes and rng.random() < self._recipe.silent_scene)
            looks.append(self._looks.scene(rng) if scene else self._looks.of(chosen[-1], rng))
            classes.append(len(self.kinds) if scene else self._class(chosen[-1]))
        slots = len(looks)
        return (
            sounds,
            torch.stack(looks),
            torch.tensor(classes),
            torch.from_numpy(rng.random(slots, np.float32)),
            torch.arange(slots) < count,
        )

    def _spare(self, count: int) -> bool:
        return count < (len(self.kinds) if self._apart else len(self.sounds))

    def _choose(self, count: int, rng: np.random.Generator) -> list[Sound]:
        """Draw sounds; no two are the same recording."""
        recipe = self._recipe
        if not self._apart:
            return [self.sounds[int(i)] for i in rng.choice(len(self.sounds), count, replace=False)]
        kinds = [str(kind) for kind in rng.choice(self.kinds, count, replace=False)]
        chosen = [self._one(kind, (), rng) for kind in kinds]
        if rng.random() < recipe.same_kind and len(self._by_kind[kinds[0]]) > 1:
            chosen[1] = self._one(kinds[0], (chosen[0],), rng)
        return chosen

    def _one(self, kind: str, but: tuple[Sound, ...], rng: np.random.Generator) -> Sound:
        among = [sound for sound in self._by_kind[kind] if sound not in but]
        return among[int(rng.integers(len(among)))]

    def _class(self, sound: Sound) -> int:
        return self.kinds.index(sound.kind) if sound.kind else -1


class _Stream(IterableDataset[Batch]):
    def __init__(self, source: Source, start: int, first: int, count: int) -> None:
        self._source, self._start, self._first, self._count = source, start, first, count

    def __iter__(self) -> Iterator[Batch]:
        # Opened here: in the process that reads, without copying the arrays into it.
        mixer = Mixer(self._source)
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for step in range(self._start + worker, self._source.steps, workers):
            yield mixer.draw(step, self._first, self._count)


def batches(source: Source, start: int, first: int, count: int) -> Iterator[Batch]:
    """Yield the batches from step ``start`` to the last, prepared by the recipe's workers.

    Of each, the mixtures ``first`` to ``first + count``.
    """
    workers = source.recipe.workers
    loader = DataLoader(
        _Stream(source, start, first, count),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)
