"""How much of the sound each region has, and how sure the model was about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pixelmix.mix.blend import compete, with_rest
from pixelmix.mix.gains import REST
from pixelmix.types import FloatArray, StemBlock


@dataclass(frozen=True, slots=True)
class Level:
    """One region (or ``rest``) measured over the whole sound."""

    share: float
    """Part of the sound's energy, 0 to 1; the shares of all regions and ``rest`` sum to one."""
    confidence: float
    """How surely it gets what it gets, 0 to 1: the mean of its mask, weighted by what the mask
    lets through. A region that gets a little of everything has a low one."""
    peak: float
    """Greatest absolute sample."""


class Meter:
    """Measures stems as they pass."""

    def __init__(self, regions: int) -> None:
        self.null_error = 0.0
        """Greatest absolute difference between the original and the sum of stems and ``rest``."""
        self._energy = np.zeros(regions + 1)
        self._peak = np.zeros(regions + 1)
        self._passed = np.zeros(regions + 1)
        self._surely = np.zeros(regions + 1)
        self._weight = 0.0
        self._sums = np.zeros(regions)
        self._products = np.zeros((regions, regions))

    def add_masks(self, masks: FloatArray, magnitude: FloatArray) -> None:
        """Take one window's ``(regions, rows, frames)`` masks and ``(rows, frames)`` magnitude."""
        weight = magnitude.ravel()
        divided = with_rest(compete(masks)).reshape(len(masks) + 1, weight.size)
        passed = divided * weight
        self._passed += passed.sum(axis=1)
        self._surely += np.einsum("rn,rn->r", divided, passed)
        flat = masks.reshape(len(masks), weight.size)
        self._weight += float(weight.sum())
        self._sums += flat @ weight
        self._products += (flat * weight) @ flat.T

    def add(self, block: StemBlock) -> None:
        """Take the next block of stems."""
        rest = block.rest
        for i, stem in enumerate((*block.stems, rest)):
            self._energy[i] += float(np.vdot(stem, stem))
            self._peak[i] = max(self._peak[i], float(np.abs(stem).max(initial=0.0)))
        off = np.abs(block.samples - (block.stems.sum(axis=0) + rest)).max(initial=0.0)
        self.null_error = max(self.null_error, float(off))

    def levels(self, names: Sequence[str]) -> dict[str, Level]:
        """Return the measures by name, ``rest`` last; zeros where nothing sounded."""
        energy = float(self._energy.sum()) or 1.0
        passed = np.maximum(self._passed, 1e-30)
        return {
            name: Level(
                share=float(self._energy[i]) / energy,
                confidence=float(self._surely[i] / passed[i]),
                peak=float(self._peak[i]),
            )
            for i, name in enumerate((*names, REST))
        }

    def likeness(self) -> FloatArray:
        """Return how the masks ``(regions, regions)`` correlate, -1 to 1, before they compete.

        0 for a mask that is the same everywhere.
        """
        weight = self._weight or 1.0
        mean = self._sums / weight
        covariance = self._products / weight - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        scale = np.outer(spread, spread)
        alike = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 1e-9)
        return np.asarray(alike, np.float32)
