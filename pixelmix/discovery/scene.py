"""What a stretch of a video shows and how it sounds: all that is kept of it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pixelmix.discovery.prototypes import Prototypes
from pixelmix.types import FloatArray

FRAMES_PER_STEP = 2
"""STFT frames that are joined: 46 ms with the default front end."""
BANDS = 32
"""In which spectra are kept."""
SAMPLES = 256
"""Points of the spectrogram at which components are kept."""
QUIET = 0.1
"""Energy of a step (the sum of squared magnitudes) below which nothing sounds.

A mean square of -66 dB full scale with the default front end.
"""
_BLUR = 0.7
"""Standard deviation in cells: a single cell is more noise than sight."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What is seen, and what part of the sound falls to each cell."""

    shares: FloatArray
    """(rows, cols): the parts, smoothed over the picture."""
    vectors: FloatArray
    """(rows, cols, k)"""


@dataclass(frozen=True, slots=True, eq=False)
class Closer:
    """A closer look at a scene: a larger picture, and so more cells."""

    seen: Prototypes
    parts: FloatArray
    """(n,): part of the sound that falls to the mask of each vector."""

    def view(self) -> View:
        """Return it cell by cell."""
        return View(over_cells(self.parts, self.seen), self.seen.cells())


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Scenes follow each other; together they cover the sound once. At most some 40 kB each."""

    start: float
    """Seconds from the start of the file."""
    step: float
    """Seconds of one step."""
    seen: Prototypes
    energy: FloatArray
    """(n, steps): what falls to the mask of each vector."""
    spectra: FloatArray
    """(n, bands): mean energy of the same."""
    mixture: FloatArray
    """(steps,): energy of the whole."""
    sample: FloatArray
    """(k, SAMPLES): components where the sound is, each point standing for as much of it."""
    closer: Closer | None = None
    """None of most scenes."""

    @property
    def total(self) -> float:
        """Energy of the whole."""
        return float(self.mixture.sum(dtype=np.float64))

    def shares(self) -> FloatArray:
        """Return ``(rows, cols)``: each cell's part of the sound, smoothed over the picture."""
        parts = self.energy.sum(axis=1) / max(self.total, QUIET)
        return over_cells(parts, self.seen)

    def view(self) -> View:
        """Return it cell by cell."""
        return View(self.shares(), self.seen.cells())


def describe(
    start: float,
    step: float,
    seen: Prototypes,
    masks: FloatArray,
    components: FloatArray,
    magnitude: FloatArray,
) -> Scene:
    """Return the record of a stretch.

    ``masks (n, rows, frames)`` are those of ``seen.vectors``; ``components (k, rows, frames)`` and
    ``magnitude (rows, frames)`` are the mixture's. ``step`` is the length of `FRAMES_PER_STEP`
    frames in seconds.
    """
    rows, frames = magnitude.shape
    power = np.square(magnitude)
    heard = np.square(masks)
    heard *= power
    at = np.arange(0, frames, FRAMES_PER_STEP)
    bands = np.arange(BANDS) * rows // BANDS
    return Scene(
        start=start,
        step=step,
        seen=seen,
        energy=np.add.reduceat(heard.sum(axis=1), at, axis=1),
        spectra=np.add.reduceat(heard.mean(axis=2), bands, axis=1),
        mixture=np.add.reduceat(power.sum(axis=0), at),
        sample=_sampled(components.reshape(len(components), -1), magnitude.ravel()),
    )


def look_closer(seen: Prototypes, masks: FloatArray, magnitude: FloatArray) -> Closer:
    """Return a closer look at what `describe` describes, with the masks of its own vectors."""
    power = np.square(magnitude)
    heard = (np.square(masks) * power).sum(axis=(1, 2))
    return Closer(seen, heard / max(float(power.sum()), QUIET))


def _sampled(components: FloatArray, weights: FloatArray) -> FloatArray:
    """Return ``(k, SAMPLES)`` of ``(k, n)``: points spread evenly over the sum of the weights."""
    course = np.cumsum(weights, dtype=np.float64)
    wanted = (np.arange(SAMPLES) + 0.5) / SAMPLES * course[-1]
    points = np.minimum(np.searchsorted(course, wanted), len(course) - 1)
    return components[:, points]


def over_cells(values: FloatArray, seen: Prototypes) -> FloatArray:
    """Return ``(..., rows, cols)`` of ``(n, ...)``, smoothed over the picture."""
    cells = np.moveaxis(values[seen.labels], (0, 1), (-2, -1))
    axes = (cells.ndim - 2, cells.ndim - 1)
    smooth: FloatArray = ndimage.gaussian_filter(cells, _BLUR, mode="nearest", axes=axes)
    return smooth
