"""Small pictures of where the sound is, to be laid over the video."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pixelmix.discovery.discover import Found
from pixelmix.discovery.scene import QUIET, Scene, over_cells
from pixelmix.types import ByteArray, FloatArray

RANGE_DB = 30.0
"""Levels from the loudest down that have a colour of their own."""
_LEAST_DB = -9.0
"""Part of the sound, at least, with which a cell shows fully: an empty scene has less."""
_DEPTH_DB = 7.0
"""Below that, where a cell begins to show."""
FADE_DB = 24.0
"""Below its loudest moment, from where on a region is not shown."""
_RISE, _FALL = 0.04, 0.25
"""Seconds: the eye wants to see a sound begin at once, and to have time to see where it was."""
_VISIBLE, _FAINT = 0.2, 0.03
"""Change of a colour or an opacity (full scale 1), as it is laid over the picture, that calls for
another map: what stays the same is encoded at a fraction of the cost."""
_FALL_AFTER, _FAINT_AFTER = 12, 24
"""Maps, about half a second and a whole one, for which one is held though something has visibly
left or darkened, or faintly changed; what appears is shown at once."""
_FLOOR = 1e-10
_FEW = 4_000
"""Vectors from which main components are learnt, at most."""


def energy_maps(scenes: Sequence[Scene], heat: ByteArray) -> Iterator[ByteArray]:
    """Yield a map ``(rows, cols, 4)`` RGBA for every step: the level of each cell's sound.

    Colours from ``heat (256, 3)`` span `RANGE_DB` up to the loudest cell of the whole video; a
    cell is the more opaque the more of the moment's sound it has.
    """
    loudest = max((float(scene.energy.max(initial=0.0)) for scene in scenes), default=0.0)
    level, ease, clear = _Ease(), _Ease(), _clear_db(scenes)
    for scene in scenes:
        for energy, mixture in _moments(scene):
            loud = np.clip(1.0 + _db(energy, loudest) / RANGE_DB, 0.0, 1.0)
            colours = heat[np.rint(255 * level.towards(loud, scene.step)).astype(np.int64)]
            yield _painted(colours, ease.towards(_clearness(energy, mixture, clear), scene.step))


def cluster_maps(scenes: Sequence[Scene]) -> Iterator[ByteArray]:
    """Yield a map for every step in which similar sounds have similar colours.

    The three main components of the cells' logarithmic spectra, over the whole video, become red,
    green and blue (the paper's figure of clustered sounds).
    """
    timbres = [_timbre(scene.spectra) for scene in scenes]
    weights = [scene.energy.sum(axis=1) * scene.seen.counts for scene in scenes]
    middle, axes, scale = _main_components(np.concatenate(timbres), np.concatenate(weights))
    ease, clear = _Ease(), _clear_db(scenes)
    for scene, timbre in zip(scenes, timbres, strict=True):
        turned = np.clip(0.5 + 0.3 * ((timbre - middle) @ axes / scale), 0.0, 1.0)
        cells = np.moveaxis(over_cells(turned.astype(np.float32), scene.seen), 0, -1)
        colours = np.rint(255 * cells).astype(np.uint8)
        for energy, mixture in _moments(scene):
            yield _painted(colours, ease.towards(_clearness(energy, mixture, clear), scene.step))


def region_maps(
    scenes: Sequence[Scene], found: Sequence[Found], colours: Sequence[tuple[int, int, int]]
) -> Iterator[ByteArray]:
    """Yield a map for every step in which each region has its colour while it sounds.

    Its cells are opaque when it is as loud as it gets, and clear `FADE_DB` below.
    """
    palette = np.array([*colours, (0, 0, 0)], np.uint8)
    owners = [_owners(found, index, scene) for index, scene in enumerate(scenes)]
    loudest = np.zeros(len(found))
    for scene, owner in zip(scenes, owners, strict=True):
        cells = over_cells(scene.energy, scene.seen)
        for i, most in enumerate(loudest):
            loudest[i] = max(most, float(cells[:, owner == i].max(initial=0.0)))
    ease = _Ease()
    for scene, owner in zip(scenes, owners, strict=True):
        for energy, _ in _moments(scene):
            wanted = np.zeros(owner.shape, np.float32)
            for i, most in enumerate(loudest):
                level = _db(energy[owner == i].max(initial=0.0), float(most))
                wanted[owner == i] = np.clip(1.0 + level / FADE_DB, 0.0, 1.0)
            yield _painted(palette[owner], ease.towards(wanted, scene.step))


def held(maps: Iterable[ByteArray]) -> Iterator[ByteArray]:
    """Yield as many maps as given, each the very one before it until some cell visibly changes.

    What appears is shown at once. What leaves is shown half a second late at most, what hardly
    changes a second, so that nothing stays when it is over.
    """
    shown: ByteArray | None = None
    seen, waited = np.zeros(0, np.float32), 0
    for picture in maps:
        now = picture * np.float32(1 / 255)
        now[..., :3] *= now[..., 3:]
        if shown is None or _calls_for_another(now - seen, waited):
            shown, seen, waited = picture, now, 0
        waited += 1
        yield shown


def _calls_for_another(change: FloatArray, waited: int) -> bool:
    rise, fall = float(change.max()), -float(change.min())
    return (
        rise > _VISIBLE
        or (fall > _VISIBLE and waited >= _FALL_AFTER)
        or (max(rise, fall) > _FAINT and waited >= _FAINT_AFTER)
    )


def _owners(found: Sequence[Found], index: int, scene: Scene) -> npt.NDArray[np.int64]:
    """Return which region each cell of a scene belongs to; ``len(found)`` for none."""
    nobody = np.full((1, *scene.seen.labels.shape), 1e-20, np.float32)
    cells = np.concatenate([*(one.cells[index][None] for one in found), nobody])
    return np.asarray(cells.argmax(axis=0))


def _moments(scene: Scene) -> Iterator[tuple[FloatArray, float]]:
    """Yield the energy of the cells ``(rows, cols)`` and of the whole, step by step."""
    cells = over_cells(scene.energy, scene.seen)
    for energy, mixture in zip(cells, scene.mixture, strict=True):
        yield energy, float(mixture)


def _clear_db(scenes: Sequence[Scene]) -> float:
    """Return the part of the sound that the best cell has in half of all scenes, dB."""
    best = [float(scene.shares().max()) for scene in scenes if scene.total > QUIET]
    return max(_LEAST_DB, float(10 * np.log10(np.median(best)))) if best else 0.0


def _clearness(energy: FloatArray, mixture: float, clear: float) -> FloatArray:
    if mixture <= QUIET:
        return np.zeros_like(energy)
    share = 1.0 + (_db(energy, mixture) - clear) / _DEPTH_DB
    return np.asarray(np.clip(share, 0.0, 1.0), np.float32)


def _db(energy: FloatArray, reference: float) -> FloatArray:
    level: FloatArray = 10 * np.log10(np.maximum(energy / max(reference, QUIET), _FLOOR))
    return level


class _Ease:
    """What is seen of something that changes: it comes at once and leaves slowly."""

    def __init__(self) -> None:
        self._shown: FloatArray | None = None

    def towards(self, wanted: FloatArray, seconds: float) -> FloatArray:
        if self._shown is None:
            self._shown = np.zeros_like(wanted)
        pace = np.where(wanted > self._shown, _RISE, _FALL)
        self._shown = self._shown + (wanted - self._shown) * (1 - np.exp(-seconds / pace))
        return self._shown


def _painted(colours: ByteArray, opacity: FloatArray) -> ByteArray:
    alpha = np.rint(255 * opacity).astype(np.uint8)
    picture: ByteArray = np.concatenate([colours, alpha[..., None]], axis=-1)
    return picture


def _timbre(spectra: FloatArray) -> FloatArray:
    """Return logarithmic spectra ``(n, bands)`` without their level."""
    db = 10 * np.log10(np.maximum(spectra, _FLOOR))
    timbre: FloatArray = db - db.mean(axis=1, keepdims=True)
    return timbre


def _main_components(
    points: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.float64]]:
    """Return the mean, the three main axes ``(bands, 3)`` and the deviations along them."""
    every = -(-len(points) // _FEW)
    points, weights = points[::every], weights[::every] + _FLOOR
    middle = np.average(points, axis=0, weights=weights)
    away = (points - middle) * np.sqrt(weights / weights.sum())[:, None]
    _, lengths, axes = np.linalg.svd(away, full_matrices=False)
    axes = np.pad(axes, ((0, max(0, 3 - len(axes))), (0, 0)))[:3].T
    lengths = np.pad(lengths, (0, max(0, 3 - len(lengths))))[:3]
    # The sign of an axis is arbitrary: here it rises from low bands to high ones.
    signs = np.sign(np.linspace(-1.0, 1.0, len(axes)) @ axes)
    return middle, axes * np.where(signs == 0, 1.0, signs), np.maximum(lengths, 1e-6)
