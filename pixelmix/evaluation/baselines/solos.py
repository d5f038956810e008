"""What trained baselines learn from: crops of the training split's sounds, by kind."""

from collections.abc import Sequence

import numpy as np

from pixelmix.data.dataset import QUIETEST, Dataset, Sound
from pixelmix.errors import InputError
from pixelmix.evaluation.baselines.spectra import level
from pixelmix.types import FloatArray

_TRIES = 50
_LEARNT = "nmf, deepconvsep, spectral-regression"


class Solos:
    """Random crops of the sounds of the training split.

    Raises
    ------
    InputError
        If not every sound is of a kind, there are not two kinds, or one has no training sounds.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.kinds = dataset.kinds
        """Every kind of the dataset, sorted."""
        if len(self.kinds) < 2 or not all(sound.kind for sound in dataset.sounds):
            raise InputError(
                f"{dataset.folder}: not every sound is of a known kind, or all are of one; leave "
                f"out {_LEARNT}, which learn to tell kinds apart"
            )
        self._sounds: dict[str, list[Sound]] = {kind: [] for kind in self.kinds}
        for sound in dataset.split("train"):
            self._sounds[sound.kind].append(sound)
        missing = [kind for kind, sounds in self._sounds.items() if not sounds]
        if missing:
            raise InputError(
                f"{dataset.folder}: has no training sounds of {', '.join(missing)}; prepare some, "
                f"or leave out {_LEARNT}"
            )

    def crop(self, kind: str, samples: int, rng: np.random.Generator) -> FloatArray:
        """Return ``(samples,)`` of a sound of this kind, RMS 1.

        Raises
        ------
        InputError
            If hardly anything of this kind can be heard.
        """
        sounds = self._sounds[kind]
        for _ in range(_TRIES):
            sound = sounds[int(rng.integers(len(sounds)))]
            first = int(rng.integers(max(1, sound.samples - samples + 1)))
            wave = self._dataset.samples(sound, first, samples)
            if level(wave) > QUIETEST:
                return wave / level(wave)
        raise InputError(
            f"{self._dataset.folder}: the training sounds of {kind!r} are (nearly) silent; "
            "prepare others"
        )

    def mixture(
        self, sources: int, samples: int, rng: np.random.Generator
    ) -> tuple[Sequence[int], FloatArray]:
        """Return sounds to be mixed: indices of different kinds, and waves ``(sources, samples)``.

        They are equally loud, and their sum has RMS 1.
        """
        kinds = [int(kind) for kind in rng.choice(len(self.kinds), sources, replace=False)]
        waves = np.stack([self.crop(self.kinds[kind], samples, rng) for kind in kinds])
        return kinds, waves / level(waves.sum(axis=0))
