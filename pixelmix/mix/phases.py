"""Masks that agree with where a player stands before two microphones.

Sound reaches two microphones at different times and by different ways, so in every row of the
spectrogram a player has levels and a phase between the channels of his own: also in a room, where
levels alone say little. His mask tells which, as the mean of what it lets through. In the terms of
Ito, Araki and Nakatani ("Complex angular central Gaussian mixture model for directional statistics
in mask-based microphone array signal processing", EUSIPCO 2016): a mixture of such distributions
in every row, whose prior is the mask (measured in docs/sound.md).

With two channels the direction of a cell is a point ``s`` of the unit sphere: left against right,
in phase against out of phase, and a quarter of a turn ahead or behind (the Stokes parameters of
optics). A distribution is a point ``b`` in the ball, and the density of ``s`` is proportional to
``(1 - |b|^2) / (1 - b.s)^2``.
"""

import numpy as np

from pixelmix.dsp.warp import warp_matrix
from pixelmix.mix.blend import with_rest
from pixelmix.types import ComplexArray, FloatArray, FrontEnd

_ROUNDS = 2
_CELL, _REGION = np.float32(0.02), np.float32(0.05)
"""By which parts points of cells, and of regions, are drawn to the middle: no direction is known
exactly, nor so well that others are ruled out."""
_WHOLE = np.float32(20)
"""Cells of mean weight that a region's direction in all rows counts for in each: in a row where it
hardly sounds there is nothing else to go by."""
_TINY = np.float32(1e-6)
_SILENCE = 1e-15
"""Magnitude, below which squares would vanish."""


def phased(shares: FloatArray, spectra: ComplexArray, fe: FrontEnd) -> FloatArray:
    """Return the shares ``(regions, rows, frames)`` that agree with levels and phases in stereo.

    ``shares`` are masks that compete, with a sum of at most one; the result is such, too.
    ``spectra (channels, bins, frames)`` are the window's STFT; unless there are two channels the
    shares stay as they are.
    """
    if len(spectra) != 2:
        return shares
    levels = np.abs(spectra)
    if levels.max() < _SILENCE:
        return shares
    loudness, points = _points(spectra, levels, fe)
    # Rows come first, for each is worked on by itself: (rows, regions and rest, frames).
    prior = np.ascontiguousarray(with_rest(shares).swapaxes(0, 1))
    divided = prior
    for _ in range(_ROUNDS):
        sure = prior * divided * loudness[:, None]
        weight = sure.sum(axis=2, keepdims=True)
        sums = sure @ points.swapaxes(1, 2)
        whole = weight.sum(axis=0) + _TINY
        part = _WHOLE * whole / (len(points) * points.shape[2])
        known = (sums + part * (sums.sum(axis=0) / whole)) / (weight + part)
        known /= 1 + _REGION
        spread = 1 - np.square(known).sum(axis=2, keepdims=True)
        divided = prior * (spread / np.square(1 - known @ points))
        divided /= divided.sum(axis=1, keepdims=True) + _TINY
    return np.ascontiguousarray(divided.swapaxes(0, 1)[:-1])


def _points(
    spectra: ComplexArray, levels: FloatArray, fe: FrontEnd
) -> tuple[FloatArray, FloatArray]:
    """Return weights ``(rows, frames)``, their mean 1, and points ``(rows, 3, frames)``."""
    left, right = spectra
    cross = left * right.conj()
    powers = np.square(levels)
    stokes = np.stack([powers[0] - powers[1], 2 * cross.real, 2 * cross.imag, powers.sum(axis=0)])
    *direction, power = warp_matrix(fe) @ stokes
    points = np.stack(direction, axis=1) / ((1 + _CELL) * power + _TINY * power.mean())[:, None]
    # Softly weighted: no single loud cell, of which masks may be wrong, speaks for a whole row.
    loudness = np.sqrt(np.sqrt(power))
    return loudness / loudness.mean(), points
