"""From the figures of single stems to rows with intervals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pixelmix.evaluation.examples import Example
from pixelmix.evaluation.metrics import Doubles, Truths, si_sdr
from pixelmix.evaluation.report import Interval, Row
from pixelmix.types import FloatArray

WHISPER = 1e-6
"""Share of the mixture that is added to a stem before it is judged, -120 dB.

A silent stem is thereby judged like the mixture (a gain of 0) instead of having no figure; to any
other stem it makes no difference."""
_DRAWS = 2000


class Judge:
    """Judges the stems that methods give for one example."""

    def __init__(self, example: Example) -> None:
        self._truths = Truths(example.waves)
        self._waves = example.waves.astype(np.float64)
        self._mixture = self._waves.sum(axis=0)
        untouched = np.broadcast_to(self._mixture, self._waves.shape)
        self._base = self._truths.judge(untouched).sdr, si_sdr(self._waves, untouched)

    def judge(self, stems: FloatArray) -> Doubles:
        """Return ``(figures, sources)``: NSDR, SIR, SAR and gain in SI-SDR of every stem, dB."""
        heard = stems + WHISPER * self._mixture
        scores = self._truths.judge(heard)
        gain = si_sdr(self._waves, heard) - self._base[1]
        return np.stack([scores.sdr - self._base[0], scores.sir, scores.sar, gain])


def row(method: str, pairing: str, figures: Sequence[Doubles]) -> Row:
    """Sum up what `Judge.judge` returned for every example of one sort."""
    every = np.stack(figures)
    nsdr, sir, sar, gain = (interval(every[:, i]) for i in range(every.shape[1]))
    examples, _, sources = every.shape
    return Row(method, sources, pairing, examples * sources, nsdr, sir, sar, gain)


def interval(values: npt.ArrayLike) -> Interval:
    """Return the mean of ``(examples, ...)`` and its 95 % bootstrap interval (percentiles).

    Whole examples are drawn again: what belongs to one example is not independent. Always the
    same for the same values.
    """
    means = np.asarray(values, dtype=np.float64)
    means = means.reshape(len(means), -1).mean(axis=1)
    random = np.random.default_rng(0)
    drawn = means[random.integers(0, len(means), (_DRAWS, len(means)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(means.mean()), float(low), float(high))
