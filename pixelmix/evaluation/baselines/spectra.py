"""What baselines share: magnitudes at the front end's resolution, and what becomes of them."""

from collections.abc import Sequence

import numpy as np

from pixelmix.dsp.stft import istft, stft
from pixelmix.dsp.warp import unwarp_matrix, warp_matrix
from pixelmix.types import FloatArray, FrontEnd

TINY = 1e-8
"""Added where a sum of magnitudes divides: nothing over nothing is shared equally."""


def magnitudes(waves: FloatArray, fe: FrontEnd) -> FloatArray:
    """Return the magnitudes that a network sees: ``(..., samples) -> (..., rows, frames)``."""
    return np.asarray(warp_matrix(fe) @ np.abs(stft(waves, fe.n_fft, fe.hop)), np.float32)


def with_phase_of(mixture: FloatArray, found: FloatArray, fe: FrontEnd) -> FloatArray:
    """Give magnitudes ``(sources, rows, frames)`` the mixture's phase: ``(sources, samples)``."""
    phase = np.exp(1j * np.angle(stft(mixture, fe.n_fft, fe.hop)))
    spectra = (unwarp_matrix(fe) @ found) * phase
    return istft(spectra, fe.n_fft, fe.hop, len(mixture))


def ratio_masks(parts: FloatArray, kinds: Sequence[str] | None = None) -> FloatArray:
    """Divide the sound in proportion to its parts; masks ``(sources, ...)`` that sum to one.

    ``parts (sources, ...)`` are magnitudes. With ``kinds``, what was found for a kind is shared
    equally by the sources of that kind: nothing that only knows kinds can tell them apart.
    """
    if kinds is not None:
        alike = np.array([kinds.count(kind) for kind in kinds], np.float32)
        parts = parts / alike.reshape(-1, *[1] * (parts.ndim - 1))
    parts = parts + TINY
    return np.asarray(parts / parts.sum(axis=0), np.float32)


def level(wave: FloatArray) -> np.float32:
    """Return the root mean square, never zero: dividing by it makes a wave's level one."""
    return np.float32(max(float(np.sqrt(np.mean(np.square(wave)))), 1e-6))
