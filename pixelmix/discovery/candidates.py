"""What might be a region: peaks of the sound over pictures, and what each would add to others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.optimize import nnls

from pixelmix.discovery.metric import Float64Array, SoundMetric, correlations
from pixelmix.discovery.scene import View
from pixelmix.mix.blend import compete
from pixelmix.types import BoolArray, FloatArray

ALIKE = 0.9
"""Correlation of two masks' logits from which on two places are taken for one sound."""
CANDIDATES = 48
"""Different things that are considered, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A peak of the sound's parts over a picture."""

    vector: FloatArray
    coordinates: Float64Array
    energy: float


def places_in(
    view: View, total: float, metric: SoundMetric, least: float, free: BoolArray | bool
) -> list[Place]:
    """Return the peaks that are ``free``, in a scene with so much energy."""
    highest = ndimage.maximum_filter(view.shares, 3, mode="nearest")
    peaks = (view.shares == highest) & (view.shares >= least) & free
    # A plain area is one place, however many of its cells are as high as those around.
    plateaus, count = ndimage.label(peaks, np.ones((3, 3), np.bool_))
    # As a point pools them: each cell and those around it.
    pooled = ndimage.maximum_filter(view.vectors, (3, 3, 1), mode="nearest")
    found = []
    for row, col in ndimage.maximum_position(peaks, plateaus, np.arange(1, count + 1)):
        vector = pooled[row, col]
        energy = float(view.shares[row, col]) * total
        found.append(Place(vector, metric.coordinates(vector[None])[0], energy))
    return found


def grouped(places: Sequence[Place], metric: SoundMetric) -> FloatArray:
    """Return ``(groups, k)``: the means of places that are the same thing."""
    means: list[Float64Array] = []
    energies: list[float] = []
    centres: list[Float64Array] = []
    for place in places:
        if centres:
            likeness = correlations(place.coordinates[None], np.stack(centres))[0]
            nearest = int(likeness.argmax())
            if likeness[nearest] >= ALIKE:
                energies[nearest] += place.energy
                part = place.energy / max(energies[nearest], 1e-30)
                means[nearest] += part * (place.vector - means[nearest])
                centres[nearest] = metric.coordinates(means[nearest][None])[0]
                continue
        if len(means) < CANDIDATES:
            means.append(place.vector.astype(np.float64))
            energies.append(place.energy)
            centres.append(place.coordinates)
    return np.array(means, np.float32)


class Candidates:
    """What might be regions, and what each would add to those that are."""

    def __init__(
        self, masks: FloatArray, weights: Float64Array, metric: SoundMetric, features: FloatArray
    ) -> None:
        self._masks = masks
        """(n, samples)"""
        self._weights = weights
        """(samples,), sum one"""
        coordinates = metric.coordinates(features)
        lengths = np.linalg.norm(coordinates, axis=1, keepdims=True)
        self._directions = coordinates / np.maximum(lengths, 1e-9)

    def choose(
        self, known: int, most: int, loud: float, sure: float, new: float
    ) -> dict[int, float]:
        """Return more regions among them, and what made each one; the first ``known`` are some.

        The first of all must be worth ``loud``, each other one ``new``.
        """
        chosen: dict[int, float] = {}
        while known + len(chosen) < min(len(self._masks), most):
            before = [*range(known), *chosen]
            left = [i for i in range(known, len(self._masks)) if i not in chosen]
            worth = [self._worth(i, before, sure) for i in left]
            best = int(np.argmax(worth))
            if worth[best] < (new if before else loud):
                break
            chosen[left[best]] = worth[best]
        return chosen

    def _worth(self, candidate: int, chosen: list[int], least: float) -> float:
        """Return the part of the sound that it takes from the chosen, times how new it is.

        Nothing, where its mask is less decided than `least`.
        """
        mask = compete(self._masks[[*chosen, candidate]])[-1]
        taken = float(np.square(mask) @ self._weights)
        if taken < least * float(mask @ self._weights):
            return 0.0
        if not chosen:
            return taken
        # What no mixture of the chosen explains of the course of its mask's logits.
        _, distance = nnls(self._directions[chosen].T, self._directions[candidate])
        return taken * distance**2
