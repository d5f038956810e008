"""How much of the sound each region has, and how sure the model was about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pixelmix.mix.gains import REST
from pixelmix.types import FloatArray, StemBlock


@dataclass(frozen=True, slots=True)
class Level:
    """One region (or ``rest``) measured over the whole sound."""

    share: float
    """Part of the sound's energy, 0 to 1; the shares of all regions and ``rest`` sum to one."""
    confidence: float
    """How decided the mask was where there is sound, 0 to 1: the mean of ``|2 mask - 1|``."""
    peak: float
    """Greatest absolute sample."""


class Meter:
    """Measures stems as they pass."""

    def __init__(self, regions: int) -> None:
        self._energy = np.zeros(regions + 1)
        self._peak = np.zeros(regions + 1)
        self._decided = np.zeros(regions + 1)
        self._weight = 0.0

    def add_masks(self, masks: FloatArray, magnitude: FloatArray) -> None:
        """Take one window's ``(regions, rows, frames)`` masks and ``(rows, frames)`` magnitude."""
        rest = 1.0 - np.minimum(masks.sum(axis=0, keepdims=True), 1.0)
        decided = np.abs(2.0 * np.concatenate([masks, rest]) - 1.0)
        self._decided += np.tensordot(decided, magnitude, axes=2)
        self._weight += float(magnitude.sum())

    def add(self, block: StemBlock) -> None:
        """Take the next block of stems."""
        for i, stem in enumerate((*block.stems, block.rest)):
            self._energy[i] += float(np.vdot(stem, stem))
            self._peak[i] = max(self._peak[i], float(np.abs(stem).max(initial=0.0)))

    def levels(self, names: Sequence[str]) -> dict[str, Level]:
        """Return the measures by name, ``rest`` last; zeros where nothing sounded."""
        energy = float(self._energy.sum()) or 1.0
        weight = self._weight or 1.0
        return {
            name: Level(
                share=float(self._energy[i]) / energy,
                confidence=float(self._decided[i]) / weight,
                peak=float(self._peak[i]),
            )
            for i, name in enumerate((*names, REST))
        }
