"""The mixtures that methods are compared on: drawn once, the same for the same seed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pixelmix.data.dataset import QUIETEST, SCENES, Dataset, Sound, Still
from pixelmix.errors import InputError
from pixelmix.types import ByteArray, FloatArray, FrontEnd, Vision

LEVEL = 0.05
"""RMS of every sound in a mixture, full scale 1."""
SHORTEST = 0.9
"""A sound of at least this share of a window is taken; silence fills it up."""
_UNKNOWN = "\0"
"""Begins what stands for the kind of a sound of unknown kind."""
_CROPS, _DRAWS = 10, 50
"""Tries to find a crop that sounds, and mixtures in which all do."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One mixture to be separated."""

    names: tuple[str, ...]
    """Of the sounds."""
    kinds: tuple[str, ...]
    """Of the sounds; empty where the dataset does not say."""
    waves: FloatArray
    """(sources, samples) at the dataset's rate, all of the same power."""
    frames: tuple[tuple[ByteArray, ...], ...]
    """Per source its ``frames_per_window`` pictures, each (height, width, 3) RGB."""

    @property
    def mixture(self) -> FloatArray:
        """(samples,): the sum of the sounds."""
        total: FloatArray = self.waves.sum(axis=0)
        return total


@dataclass(frozen=True, slots=True)
class Clip:
    """A window of a sound, and the pictures that belong to it."""

    sound: Sound
    first: int
    """Its first sample in the sound."""
    pictures: tuple[int, ...]
    """Their indices in the dataset, ``frames_per_window`` of them."""


class Pool:
    """What can be drawn from one split of a dataset for a model: sounds that can be seen.

    A sound is seen on its own pictures or, if it has none, on stills of its kind.

    Raises
    ------
    InputError
        If the split has no such sound, or the dataset's rate is not the model's.
    """

    def __init__(self, dataset: Dataset, split: str, fe: FrontEnd, vision: Vision) -> None:
        if dataset.rate != fe.rate:
            raise InputError(
                f"{dataset.folder}: its sounds have {dataset.rate} Hz and the model needs "
                f"{fe.rate} Hz; make another dataset with `pixelmix prepare --rate {fe.rate}`"
            )
        self.dataset = dataset
        self._fe, self._vision = fe, vision
        self.window = fe.window_samples
        """Samples of an example."""
        self.split = split
        self.stills = _by_kind(row for row in dataset.stills if row.split == split)
        """Stills of the split by kind, scenes included."""
        groups: dict[str, list[Sound]] = defaultdict(list)
        for sound in dataset.split(split):
            seen = sound.pictures or sound.kind in self.stills
            if seen and sound.samples >= SHORTEST * fe.window_samples:
                # A sound of unknown kind is a kind of its own.
                groups[sound.kind or _UNKNOWN + sound.name].append(sound)
        if not groups:
            raise InputError(_nothing(dataset, split, fe))
        self.groups: Mapping[str, Sequence[Sound]] = {key: groups[key] for key in sorted(groups)}
        """Sounds by what must differ between the sources of a mixture: their kind."""

    @property
    def known_kinds(self) -> tuple[str, ...]:
        """Kinds of the sounds, sorted; without those that are not known."""
        return tuple(key for key in self.groups if not key.startswith(_UNKNOWN))

    def most(self, *, same_kind: bool) -> int:
        """Return how many sources a mixture can have."""
        if same_kind:
            return max(len(sounds) for sounds in self.groups.values())
        return len(self.groups)

    def examples(
        self, *, sources: int, same_kind: bool, count: int, seed: int
    ) -> Iterator[Example]:
        """Yield what `draw` returns, one at a time."""
        if sources > self.most(same_kind=same_kind):
            what = "sounds of one kind" if same_kind else "different kinds"
            raise InputError(
                f"{self.dataset.folder}: its split {self.split!r} has no {sources} {what} to mix"
            )
        for index in range(count):
            # Each example has its own numbers: asking for more leaves the first ones as they are.
            random = np.random.default_rng((seed, sources, same_kind, index))
            yield self._example(self._clips(sources, same_kind, random))

    def samples(self, clip: Clip) -> FloatArray:
        """Return a clip's sound ``(window_samples,)``, RMS `LEVEL`."""
        wave = self.dataset.samples(clip.sound, clip.first, self.window)
        return wave * np.float32(LEVEL / np.sqrt(np.mean(np.square(wave, dtype=np.float64))))

    def pictures(self, clip: Clip) -> tuple[ByteArray, ...]:
        """Return a clip's pictures."""
        return tuple(self.dataset.picture(index) for index in clip.pictures)

    def clip(
        self, sound: Sound, random: np.random.Generator, taken: Sequence[int] = ()
    ) -> Clip | None:
        """Draw a window of a sound; None if none was found that sounds.

        Stills in `taken` are used only if the others are too few.
        """
        window = self.window
        for _ in range(_CROPS):
            first = int(random.integers(0, max(0, sound.samples - window) + 1))
            wave = self.dataset.samples(sound, first, window)
            if np.sqrt(np.mean(np.square(wave))) > QUIETEST:
                return Clip(sound, first, self._pictures(sound, first, random, taken))
        return None

    def drawn_stills(
        self, kind: str, random: np.random.Generator, taken: Sequence[int] = ()
    ) -> tuple[int, ...]:
        """Draw ``frames_per_window`` stills of a kind, different ones where there are enough."""
        every = [row.picture for row in self.stills[kind]]
        fresh = [picture for picture in every if picture not in taken]
        order = random.permutation(fresh or every)
        return tuple(int(i) for i in np.resize(order, self._vision.frames_per_window))

    def absent(self, example: Example, random: np.random.Generator) -> tuple[ByteArray, ...] | None:
        """Draw pictures of what is not heard in an example: of another kind, else of a scene."""
        heard = {*example.kinds, *(_UNKNOWN + name for name in example.names)}
        others = [key for key in self.groups if key not in heard]
        if others:
            sounds = self.groups[str(random.choice(others))]
            clip = self.clip(sounds[int(random.integers(len(sounds)))], random)
            return self.pictures(clip) if clip else None
        if SCENES not in self.stills:
            return None
        return tuple(self.dataset.picture(i) for i in self.drawn_stills(SCENES, random))

    def _pictures(
        self, sound: Sound, first: int, random: np.random.Generator, taken: Sequence[int]
    ) -> tuple[int, ...]:
        if not sound.pictures:
            return self.drawn_stills(sound.kind, random, taken)
        count, spacing = self._vision.frames_per_window, self._vision.frame_spacing
        middle = (first + self.window / 2) / self._fe.rate
        times = middle + (np.arange(count) - (count - 1) / 2) * spacing
        return tuple(self.dataset.picture_at(sound, float(time)) for time in times)

    def _clips(self, sources: int, same_kind: bool, random: np.random.Generator) -> list[Clip]:
        keys = [
            key for key, sounds in self.groups.items() if not same_kind or len(sounds) >= sources
        ]
        for _ in range(_DRAWS):
            chosen = random.choice(len(keys), 1 if same_kind else sources, replace=False)
            clips: list[Clip] = []
            for key in (keys[i] for i in chosen):
                sounds = self.groups[key]
                for i in random.choice(len(sounds), sources if same_kind else 1, replace=False):
                    taken = [picture for clip in clips for picture in clip.pictures]
                    clip = self.clip(sounds[i], random, taken)
                    if clip:
                        clips.append(clip)
            if len(clips) == sources:
                return clips
        raise InputError(
            f"{self.dataset.folder}: the sounds of the split {self.split!r} are nearly silent"
        )

    def _example(self, clips: Sequence[Clip]) -> Example:
        return Example(
            names=tuple(clip.sound.name for clip in clips),
            kinds=tuple(clip.sound.kind for clip in clips),
            waves=np.stack([self.samples(clip) for clip in clips]),
            frames=tuple(self.pictures(clip) for clip in clips),
        )


def draw(
    dataset: Dataset,
    split: str,
    fe: FrontEnd,
    vision: Vision,
    *,
    sources: int,
    same_kind: bool,
    count: int,
    seed: int,
) -> tuple[Example, ...]:
    """Draw `count` mixtures of `sources` sounds: the same arguments give the same mixtures.

    Kinds are drawn evenly, then a sound of each (`same_kind`: different sounds of one kind), then
    a window of it that is not nearly silent. Sounds of unknown kind count as different.

    Raises
    ------
    InputError
        If the split has too few sounds for this, or the dataset's rate is not the model's.
    """
    pool = Pool(dataset, split, fe, vision)
    return tuple(pool.examples(sources=sources, same_kind=same_kind, count=count, seed=seed))


def _by_kind(stills: Iterator[Still]) -> dict[str, list[Still]]:
    groups: dict[str, list[Still]] = defaultdict(list)
    for still in stills:
        groups[still.kind].append(still)
    return dict(groups)


def _nothing(dataset: Dataset, split: str, fe: FrontEnd) -> str:
    sounds = dataset.split(split)
    if not sounds:
        found = ", ".join(sorted({row.split for row in dataset.sounds}))
        return f"{dataset.folder}: has no sounds in the split {split!r}; choose from: {found}"
    if all(row.samples < SHORTEST * fe.window_samples for row in sounds):
        seconds = fe.window_samples / fe.rate
        return f"{dataset.folder}: no sound of the split {split!r} has the model's {seconds:.1f} s"
    return (
        f"{dataset.folder}: no sound of the split {split!r} has pictures, or stills of its kind in "
        "the same split"
    )
