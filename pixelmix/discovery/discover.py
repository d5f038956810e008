"""Finding what sounds in a picture, and following it by what it looks and sounds like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import nnls

from pixelmix.discovery.metric import Float64Array, SoundMetric, correlations
from pixelmix.discovery.scene import QUIET, SAMPLES, Scene
from pixelmix.mix.blend import compete
from pixelmix.types import FloatArray

LOUD = 0.08
"""Part of the sound that a place must get: an empty scene gets some 0.04 of anything."""
ALIKE = 0.9
"""Correlation of two masks' logits from which on two places are taken for one sound."""
OWN = 0.7
"""The same for a cell to belong to a region."""
NEW = 0.04
"""Part of the sound that another region must take, times how new its mask is."""
SURE = 0.27
"""How decided a mask must be, 0 to 1 (as `mix.meter` has it): one that gets a little of everything
is a guess."""
MOST = 12
"""Regions, at most."""
CANDIDATES = 48
"""Different things that are considered, at most."""
_MOST_POINTS = 2**16
"""Points of the spectrogram at which candidates are compared, at most."""
_REACH = 0.4
"""A region reaches as far as cells get this part of what its best one gets."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Something that sounds."""

    feature: FloatArray
    """(k,) what its mask is made of."""
    cells: FloatArray
    """(scenes, rows, cols): the energy it gets where it is seen; 0 where it is not."""
    weight: float
    """What made it a region: its part of the sound beside stronger ones, and how new it is."""

    def usual_cells(self) -> FloatArray:
        """Return ``(rows, cols)``: what it gets over all scenes."""
        usual: FloatArray = self.cells.sum(axis=0)
        return usual


def discover(
    scenes: Sequence[Scene],
    masks_of: Callable[[FloatArray, FloatArray], FloatArray],
    count: int | None = None,
) -> tuple[Found, ...]:
    """Return what sounds in the scenes, from left to right.

    Places in which the part of the sound is greatest are candidates; those whose masks correlate
    are the same thing, at another time or in another place. The candidate that gets most is a
    region; then the one that takes most when it competes with those before, as far as its mask is
    not a mixture of theirs: so the edge of a player does not become another. That goes on until
    the next would get less than `NEW`, or there are ``count``. What is no surer than a guess
    (`SURE`) is left out.

    Parameters
    ----------
    scenes
        That sound.
    masks_of
        Returns the masks ``(n, points)`` of vectors ``(n, k)`` where the components are
        ``(k, points)``.
    count
        How many regions there are, if it is known; then also what hardly sounds and mere guesses
        are taken.
    """
    totals = np.array([scene.total for scene in scenes])
    if max((scene.mixture.max(initial=0.0) for scene in scenes), default=0.0) <= QUIET:
        return ()
    metric = SoundMetric(scenes)
    least = LOUD if count is None else 0.0
    places = [place for scene in scenes for place in _View.of(scene, metric).places(least)]
    features = _grouped(sorted(places, key=lambda place: -place.energy), metric)
    if not len(features):
        return ()
    every = -(-len(scenes) * SAMPLES // _MOST_POINTS)
    points = np.concatenate([scene.sample[:, ::every] for scene in scenes], axis=1)
    each = points.shape[1] // len(scenes)
    weights = np.repeat(totals / totals.sum() / each, each)
    candidates = _Candidates(masks_of(features, points), weights, metric, features)
    chosen = candidates.choose(count)
    if not chosen:
        return ()
    features = features[list(chosen)]
    regions = metric.coordinates(features)
    owned = np.stack([_View.of(scene, metric).owned(regions) for scene in scenes], axis=1)
    found = [Found(*region) for region in zip(features, owned, chosen.values(), strict=True)]
    return tuple(sorted(found, key=lambda region: _middle(region.usual_cells())))


class _Candidates:
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

    def choose(self, count: int | None) -> dict[int, float]:
        """Return the regions among them, and what made each one."""
        chosen: dict[int, float] = {}
        while len(chosen) < min(len(self._masks), MOST if count is None else count):
            left = [i for i in range(len(self._masks)) if i not in chosen]
            least = SURE if count is None else 0.0
            worth = [self._worth(i, [*chosen], least) for i in left]
            best = int(np.argmax(worth))
            if count is None and worth[best] < (NEW if chosen else LOUD):
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


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A peak of the sound's parts over a picture."""

    vector: FloatArray
    coordinates: Float64Array
    energy: float


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What discovery needs of a scene."""

    total: float
    shares: FloatArray
    """(rows, cols)"""
    vectors: FloatArray
    """(rows, cols, k)"""
    metric: SoundMetric

    @classmethod
    def of(cls, scene: Scene, metric: SoundMetric) -> "_View":
        return cls(scene.total, scene.shares(), scene.vectors(), metric)

    def places(self, least: float) -> list[_Place]:
        highest = ndimage.maximum_filter(self.shares, 3, mode="nearest")
        peaks = (self.shares == highest) & (self.shares >= least)
        # A plain area is one place, however many of its cells are as high as those around.
        plateaus, count = ndimage.label(peaks, np.ones((3, 3), np.bool_))
        # As a point pools them: each cell and those around it.
        pooled = ndimage.maximum_filter(self.vectors, (3, 3, 1), mode="nearest")
        found = []
        for row, col in ndimage.maximum_position(peaks, plateaus, np.arange(1, count + 1)):
            vector = pooled[row, col]
            energy = float(self.shares[row, col]) * self.total
            found.append(_Place(vector, self.metric.coordinates(vector[None])[0], energy))
        return found

    def owned(self, regions: Float64Array) -> FloatArray:
        """Return ``(regions, rows, cols)``: the energy of the cells that are each region's."""
        cells_of = self.vectors.reshape(-1, self.vectors.shape[-1])
        likeness = correlations(self.metric.coordinates(cells_of), regions)
        nearest = likeness.argmax(axis=1)
        shares = self.shares.ravel()
        cells = np.zeros((len(regions), len(shares)), np.float32)
        for i, own in enumerate(cells):
            mine = (nearest == i) & (likeness[:, i] >= OWN)
            best = shares[mine].max(initial=0.0)
            mine &= shares >= _REACH * best
            own[mine] = shares[mine] * self.total
        return cells.reshape(len(regions), *self.shares.shape)


def _grouped(places: Sequence[_Place], metric: SoundMetric) -> FloatArray:
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


def _middle(cells: npt.NDArray[np.float32]) -> tuple[float, float]:
    row, col = ndimage.center_of_mass(cells + 1e-12)
    return float(col), float(row)
