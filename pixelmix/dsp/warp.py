"""The network's frequency axis: fixed matrices between linear bins and (log-)frequency rows.

The published code of "The Sound of Pixels" (Zhao et al., 2018) warps spectrograms with
``grid_sample(align_corners=True)``. Only the frequency axis moves there, so that the whole warp
is one matrix. With ``y`` evenly spaced over -1..1 on the output axis, the source position is

- warp (bins to rows): ``(base ** ((y + 1) / 2) - (base + 1) / 2) / ((base - 1) / 2)``
- unwarp (rows to bins): ``2 * log(y * (base - 1) / 2 + (base + 1) / 2) / log(base) - 1``

read bilinearly at index ``(position + 1) / 2 * (size - 1)``. Without a base the axis is resampled
linearly by the same rule.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from pixelmix.types import FloatArray, FrontEnd

HighBand = Literal["follow", "keep"]
"""What regions do with sound above the model's band: follow the mask below it, or leave it."""

TOP_OCTAVE = 0.5
"""Above its band the mask is the mean over the bins from this share of the band to its end."""


@lru_cache(maxsize=8)
def warp_matrix(fe: FrontEnd) -> FloatArray:
    """Return ``(rows, bins)``: network rows from linear bins."""
    return _frozen(_bilinear(_row_bins(fe), fe.bins))


def row_frequencies(fe: FrontEnd) -> FloatArray:
    """Return the frequency of every network row ``(rows,)``, Hz."""
    return (_row_bins(fe) * fe.rate / fe.n_fft).astype(np.float32)


@lru_cache(maxsize=8)
def row_widths(fe: FrontEnd) -> FloatArray:
    """Return how many linear bins each network row stands for, ``(rows,)``.

    Energies of rows, weighted by it, sum to about the energy of the bins.
    """
    return _frozen(np.gradient(_row_bins(fe)))


def _row_bins(fe: FrontEnd) -> npt.NDArray[np.float64]:
    """Return where on the axis of linear bins the network's rows lie."""
    y = np.linspace(-1.0, 1.0, fe.rows)
    if fe.warp_base is None:
        position = y
    else:
        base = fe.warp_base
        position = (base ** ((y + 1) / 2) - (base + 1) / 2) / ((base - 1) / 2)
    found: npt.NDArray[np.float64] = (position + 1) / 2 * (fe.bins - 1)
    return found


@lru_cache(maxsize=8)
def unwarp_matrix(fe: FrontEnd) -> FloatArray:
    """Return ``(bins, rows)``: linear bins from network rows."""
    return _frozen(_unwarp(fe))


def band_bins(fe: FrontEnd, source_rate: int, source_n_fft: int) -> int:
    """Count the bins of a source STFT that lie within the model's band (its last bin included)."""
    bins = source_n_fft // 2 + 1
    return min(bins, fe.rate * source_n_fft // (2 * source_rate) + 1)


@lru_cache(maxsize=8)
def mask_matrix(
    fe: FrontEnd, source_rate: int, source_n_fft: int, highband: HighBand = "follow"
) -> FloatArray:
    """Return ``(source_bins, rows)``: a mask at the source's bins from a mask at network rows.

    Within the model's band the unwarped mask is interpolated linearly between the model's bin
    frequencies. Above it, ``follow`` takes the mask's mean over the model's top octave and
    ``keep`` takes zero, so that no region claims that sound. Every row of the matrix sums to one
    (``keep``: or zero), hence masks in 0..1 stay there.
    """
    band = band_bins(fe, source_rate, source_n_fft)
    unwarp = _unwarp(fe)
    # Positions on the model's bins: frequency / (rate / n_fft); rounding may pass the last one.
    position = np.arange(band) * (source_rate * fe.n_fft / (source_n_fft * fe.rate))
    inside = _bilinear(np.minimum(position, fe.bins - 1), fe.bins) @ unwarp
    matrix = np.zeros((source_n_fft // 2 + 1, fe.rows))
    matrix[:band] = inside
    if highband == "follow":
        matrix[band:] = unwarp[round(TOP_OCTAVE * (fe.bins - 1)) :].mean(axis=0)
    return _frozen(matrix)


def _unwarp(fe: FrontEnd) -> npt.NDArray[np.float64]:
    y = np.linspace(-1.0, 1.0, fe.bins)
    if fe.warp_base is None:
        position = y
    else:
        base = fe.warp_base
        position = 2 * np.log(y * (base - 1) / 2 + (base + 1) / 2) / np.log(base) - 1
    return _bilinear((position + 1) / 2 * (fe.rows - 1), fe.rows)


def _bilinear(index: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Return ``(len(index), size)`` weights that read at fractional indices, zero outside."""
    # The ends are met exactly in theory; rounding must not push them outside.
    near = np.round(index)
    index = np.where(np.abs(index - near) < 1e-9, near, index)
    lower = np.floor(index).astype(np.int64)
    matrix = np.zeros((len(index), size))
    for neighbour, weight in ((lower, 1 - (index - lower)), (lower + 1, index - lower)):
        valid = (neighbour >= 0) & (neighbour < size)
        matrix[np.flatnonzero(valid), neighbour[valid]] += weight[valid]
    return matrix


def _frozen(matrix: npt.NDArray[np.float64]) -> FloatArray:
    result = matrix.astype(np.float32)
    result.flags.writeable = False
    return result
