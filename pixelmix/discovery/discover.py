"""Finding what sounds in a picture, and following it by what it looks and sounds like."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pixelmix.discovery.candidates import Candidates, grouped, places_in
from pixelmix.discovery.metric import Float64Array, SoundMetric, correlations
from pixelmix.discovery.places import bordering, enlarged, prominent, reduced, without_edges
from pixelmix.discovery.scene import QUIET, SAMPLES, Scene, View
from pixelmix.types import BoolArray, FloatArray

LOUD = 0.08
"""Part of the sound that a place must get: an empty scene gets some 0.04 of anything."""
OWN = 0.7
"""Correlation of a cell's mask with a region's from which on it belongs to it."""
NEW = 0.04
"""Part of the sound that another region must take, times how new its mask is."""
SURE = 0.27
"""How decided a mask must be, 0 to 1 (as `mix.meter` has it): one that gets a little of everything
is a guess."""
SMALL = 1 / 8
"""Part of the picture that a region covers at most which only a closer look shows: a larger one
would have been seen before, and is the surroundings."""
MOST = 12
"""Regions, at most."""
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
    (`SURE`) is left out. Closer looks then show players who are small in the picture: candidates
    are the places where no region is.

    Parameters
    ----------
    scenes
        That sound.
    masks_of
        Returns the masks ``(n, points)`` of vectors ``(n, k)`` where the components are
        ``(k, points)``.
    count
        How many regions there are, if it is known; where there are too few, also what hardly
        sounds and mere guesses are taken.
    """
    if max((scene.mixture.max(initial=0.0) for scene in scenes), default=0.0) <= QUIET:
        return ()
    regions = _Regions(scenes, masks_of, MOST if count is None else count)
    regions.add(LOUD, SURE, NEW)
    regions.add_closer()
    if count is not None:
        regions.add(0.0, 0.0, 0.0)
    return regions.found()


class _Regions:
    """What was found so far."""

    def __init__(
        self,
        scenes: Sequence[Scene],
        masks_of: Callable[[FloatArray, FloatArray], FloatArray],
        most: int,
    ) -> None:
        self._scenes, self._masks_of, self._most = scenes, masks_of, most
        self._metric = SoundMetric(scenes)
        every = -(-len(scenes) * SAMPLES // _MOST_POINTS)
        self._points = np.concatenate([scene.sample[:, ::every] for scene in scenes], axis=1)
        totals = np.array([scene.total for scene in scenes])
        each = self._points.shape[1] // len(scenes)
        self._weights = np.repeat(totals / totals.sum() / each, each)
        self._features = np.zeros((0, len(self._points)), np.float32)
        self._worths: list[float] = []
        self._closer: dict[int, FloatArray] = {}
        """Cells of regions that only a closer look showed, as in `Found`."""

    def add(self, loud: float, sure: float, new: float) -> None:
        """Add what is seen in the scenes and gets the part ``loud`` of the sound."""
        looks = ((scene.view(), scene.total, True) for scene in self._scenes)
        self._add(looks, loud, sure, new)

    def add_closer(self) -> None:
        """Add what is seen in closer looks where no region is."""
        views = {
            number: scene.closer.view()
            for number, scene in enumerate(self._scenes)
            if scene.closer is not None
        }
        if not views:
            return
        cells = self._cells()
        near = bordering(np.any(prominent(cells.sum(axis=1)), axis=0))
        grid = next(iter(views.values())).shares.shape
        free = ~enlarged(near, grid)
        before = len(self._features)
        looks = ((view, self._scenes[number].total, free) for number, view in views.items())
        self._add(looks, LOUD, SURE, NEW)
        if len(self._features) == before:
            return
        seen = np.zeros((len(self._features), *cells.shape[1:]), np.float32)
        regions = self._metric.coordinates(self._features)
        for number, view in views.items():
            owned = _owned(view, self._scenes[number].total, self._metric, regions) * free
            for one, cells_of in enumerate(owned):
                seen[one, number] = reduced(cells_of, near.shape)
        size = np.mean(seen > 0, axis=(2, 3)).max(axis=1)
        small = [one for one in range(before, len(seen)) if size[one] <= SMALL]
        self._closer = {before + i: seen[one] for i, one in enumerate(small)}
        kept = [*range(before), *small]
        self._features, self._worths = self._features[kept], [self._worths[one] for one in kept]

    def found(self) -> tuple[Found, ...]:
        """Return them all, from left to right."""
        cells = self._cells()
        if len(cells):
            cells = without_edges(cells)
        regions = zip(self._features, cells, self._worths, strict=True)
        found = [Found(*region) for region in regions]
        return tuple(sorted(found, key=lambda region: _middle(region.usual_cells())))

    def _add(
        self,
        looks: Iterable[tuple[View, float, BoolArray | bool]],
        loud: float,
        sure: float,
        new: float,
    ) -> None:
        known = len(self._features)
        places = [
            place
            for view, total, free in looks
            for place in places_in(view, total, self._metric, loud, free)
        ]
        others = grouped(sorted(places, key=lambda place: -place.energy), self._metric)
        if known == self._most or not len(others):
            return
        features = np.concatenate([self._features, others])
        masks = self._masks_of(features, self._points)
        candidates = Candidates(masks, self._weights, self._metric, features)
        chosen = candidates.choose(known, self._most, loud, sure, new)
        self._features = features[[*range(known), *chosen]]
        self._worths += chosen.values()

    def _cells(self) -> FloatArray:
        """Return ``(regions, scenes, rows, cols)``: see `Found`."""
        regions = self._metric.coordinates(self._features)
        cells = np.stack(
            [_owned(scene.view(), scene.total, self._metric, regions) for scene in self._scenes],
            axis=1,
        )
        for one, seen in self._closer.items():
            np.maximum(cells[one], seen, out=cells[one])
        return cells


def _owned(view: View, total: float, metric: SoundMetric, regions: Float64Array) -> FloatArray:
    """Return ``(regions, rows, cols)``: the energy of the cells that are each region's."""
    cells = np.zeros((len(regions), *view.shares.shape), np.float32)
    if not len(regions):
        return cells
    likeness = correlations(
        metric.coordinates(view.vectors.reshape(-1, view.vectors.shape[-1])), regions
    )
    nearest = likeness.argmax(axis=1)
    shares = view.shares.ravel()
    for i, own in enumerate(cells.reshape(len(regions), -1)):
        mine = (nearest == i) & (likeness[:, i] >= OWN)
        best = shares[mine].max(initial=0.0)
        mine &= shares >= _REACH * best
        own[mine] = shares[mine] * total
    return cells


def _middle(cells: npt.NDArray[np.float32]) -> tuple[float, float]:
    row, col = ndimage.center_of_mass(cells + 1e-12)
    return float(col), float(row)
