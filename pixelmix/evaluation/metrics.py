"""How near a stem is to the truth: BSS Eval version 3, and SI-SDR.

BSS Eval (Vincent, Gribonval and Févotte, 2006, sections II and III) splits an estimate into three
orthogonal parts by projecting it on what short filters can make of the truths:

- target: its projection on the true source, filtered by up to 512 taps,
- interference: what its projection on all true sources, filtered likewise, has besides,
- artifacts: the rest.

Energies of these parts need no filtering: with ``G`` the inner products of the truths' shifts and
``d`` those of the shifts with the estimate, filters ``c`` that solve ``G c = d`` leave a projection
of energy ``c' G c``. ``G`` depends on the truths alone, so that it is factorised once for all
estimates. Estimates are not permuted: stem ``i`` is judged against truth ``i``.

Figures are held within ``LIMIT``: beyond it they would measure rounding.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.linalg

from pixelmix.types import FloatArray

TAPS = 512
"""Length of the distortion filters that BSS Eval forgives."""
LIMIT = 100.0
"""Greatest figure, and negated the least, dB."""
_RIDGE = 1e-13
"""First share of the diagonal's mean that is added where truths are linearly dependent."""

Doubles = npt.NDArray[np.float64]
Waves = FloatArray | Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Figures of the stems of one mixture, each ``(sources,)``, dB.

    A silent stem has no direction in which it could be right or wrong: its figures are NaN.
    """

    sdr: Doubles
    """Target against everything else."""
    sir: Doubles
    """Target against interference."""
    sar: Doubles
    """Target and interference against artifacts."""


class Truths:
    """The true sources of one mixture, ready to judge any number of estimates.

    Parameters
    ----------
    waves
        ``(sources, samples)``

    Raises
    ------
    ValueError
        If one of them is silent: there is nothing to be found then.
    """

    def __init__(self, waves: Waves) -> None:
        self._waves = np.asarray(waves, dtype=np.float64)
        if not np.all(np.any(self._waves, axis=1)):
            raise ValueError("a silent truth cannot be found")
        self._size = scipy.fft.next_fast_len(self._waves.shape[1] + TAPS - 1, real=True)
        self._spectra = scipy.fft.rfft(self._waves, self._size)
        self._gram = self._inner_products()
        self._factor = _factorise(self._gram)
        self._own = [_factorise(self._gram[part, part]) for part in self._parts]

    def judge(self, estimates: Waves) -> Scores:
        """Return the figures of ``(sources, samples)``, in the order of the truths.

        Raises
        ------
        ValueError
            If the shape is not that of the truths.
        """
        stems = np.asarray(estimates, dtype=np.float64)
        if stems.shape != self._waves.shape:
            raise ValueError(f"stems are {stems.shape}, the truths {self._waves.shape}")
        rows = [self._judge(i, stem) for i, stem in enumerate(stems)]
        return Scores(*np.array(rows).T)

    @property
    def _parts(self) -> list[slice]:
        return [slice(i * TAPS, (i + 1) * TAPS) for i in range(len(self._waves))]

    def _judge(self, index: int, stem: Doubles) -> tuple[float, float, float]:
        energy = float(stem @ stem)
        if energy == 0.0:
            return np.nan, np.nan, np.nan
        inner = self._correlations(self._spectra, scipy.fft.rfft(stem, self._size))
        shifted = inner[:, :TAPS].reshape(-1)
        part = self._parts[index]
        filters = scipy.linalg.cho_solve(self._factor, shifted, check_finite=False)
        own = np.zeros_like(filters)
        own[part] = scipy.linalg.cho_solve(self._own[index], shifted[part], check_finite=False)
        everything, target = self._energy(filters), self._energy(own)
        return (
            _decibels(target, energy - 2 * float(own @ shifted) + target),
            _decibels(target, self._energy(filters - own)),
            _decibels(everything, energy - 2 * float(filters @ shifted) + everything),
        )

    def _energy(self, filters: Doubles) -> float:
        """Return the energy of the truths' sum after ``(sources * TAPS,)`` filters."""
        return float(filters @ (self._gram @ filters))

    def _inner_products(self) -> Doubles:
        """Return ``(sources * TAPS, sources * TAPS)``: of every truth's every shift with all."""
        count = len(self._waves)
        gram = np.empty((count * TAPS, count * TAPS))
        for i, rows in enumerate(self._parts):
            products = self._correlations(self._spectra[i], self._spectra)
            for j, cols in enumerate(self._parts):
                # Shift a of source i with shift b of source j: the correlation at lag a - b.
                ahead, behind = products[j, :TAPS], products[j, -np.arange(TAPS)]
                gram[rows, cols] = scipy.linalg.toeplitz(ahead, behind)
        return gram

    def _correlations(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Doubles:
        """Return circular correlations of spectra: sum over time of first(t) * second(t + lag)."""
        products = np.conj(np.asarray(first)) * np.asarray(second)
        found: Doubles = scipy.fft.irfft(products, self._size)
        return found


def si_sdr(truths: Waves, estimates: Waves) -> Doubles:
    """Return the scale-invariant SDR of every stem, ``(..., samples) -> (...,)``, dB.

    The truth, scaled to be nearest to the stem, against what differs from it (Le Roux et al.,
    "SDR - half-baked or well done?", 2019, equation 3). NaN where the stem or the truth is silent.
    """
    truth = np.asarray(truths, dtype=np.float64)
    stem = np.asarray(estimates, dtype=np.float64)
    power = np.sum(truth * truth, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sum(truth * stem, axis=-1) / power
        target = scale[..., None] * truth
        ratio = np.sum(target**2, axis=-1) / np.sum((stem - target) ** 2, axis=-1)
        heard = (power > 0) & (np.sum(stem * stem, axis=-1) > 0)
        return np.where(heard, np.clip(10 * np.log10(ratio), -LIMIT, LIMIT), np.nan)


def _factorise(gram: Doubles) -> tuple[Doubles, bool]:
    """Return a Cholesky factor; dependent truths get the least ridge with which there is one."""
    ridge = 0.0
    while True:
        raised = gram.copy()
        raised.flat[:: len(gram) + 1] += ridge * np.trace(gram) / len(gram)
        try:
            factor, lower = scipy.linalg.cho_factor(raised, overwrite_a=True, check_finite=False)
        except scipy.linalg.LinAlgError:
            ridge = max(10 * ridge, _RIDGE)
            continue
        return factor, bool(lower)


def _decibels(wanted: float, unwanted: float) -> float:
    if unwanted <= 0.0:
        return LIMIT
    if wanted <= 0.0:
        return -LIMIT
    return float(np.clip(10 * np.log10(wanted / unwanted), -LIMIT, LIMIT))
