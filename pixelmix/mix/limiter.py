"""Keeping the sum below full scale without a click."""

import math

import numpy as np
import numpy.typing as npt

from pixelmix.dsp.queue import SampleQueue
from pixelmix.types import FloatArray

LOOK_AHEAD = 0.005
"""Seconds in which the level goes down before a peak."""
RELEASE = 0.2
"""Seconds in which a gain of zero would come back to one."""


class Limiter:
    """A streaming look-ahead peak limiter whose channels move together.

    The gain that each sample needs is looked at `LOOK_AHEAD` in advance (sliding minimum),
    comes back in a straight line (`RELEASE`) and is smoothed by a mean as long as the look-ahead:
    at a peak every value under the mean is at most what the peak needs, so that no sample
    passes the ceiling. Sound that stays below it goes through bit for bit. Sample peaks are
    limited, not the peaks between samples.

    Parameters
    ----------
    rate, channels
        Of the samples.
    ceiling
        Greatest absolute value that is let through.
    """

    def __init__(self, rate: int, channels: int, ceiling: float = 0.999) -> None:
        limit = np.float32(ceiling)
        # The nearest float32 may lie above the ceiling that was asked for.
        self._limit = limit if float(limit) <= ceiling else np.nextafter(limit, np.float32(0))
        self._ahead = max(1, round(LOOK_AHEAD * rate))
        self._slope = 1.0 / (RELEASE * rate)
        self._channels = channels
        self._queue = SampleQueue(channels)
        # Needed gains from `ahead` behind to `ahead` in front of the next output.
        self._needed: npt.NDArray[np.float64] = np.ones(0)
        self._recent: npt.NDArray[np.float64] = np.ones(self._ahead)
        self._least = 1.0

    @property
    def reduction_db(self) -> float:
        """Greatest reduction so far, dB, at least zero."""
        return -20.0 * math.log10(self._least)

    def push(self, block: FloatArray) -> FloatArray:
        """Take ``(channels, samples)``; return as much of the limited sound as is certain."""
        peaks = np.abs(block).max(axis=0).astype(np.float64)
        limit = float(self._limit)
        self._needed = np.concatenate([self._needed, limit / np.maximum(peaks, limit)])
        self._queue.append(block)
        return self._drain()

    def finish(self) -> FloatArray:
        """Return the rest; in all as many samples as were pushed."""
        self._needed = np.concatenate([self._needed, np.ones(self._ahead)])
        return self._drain()

    def _drain(self) -> FloatArray:
        count = len(self._needed) - self._ahead
        if count <= 0:
            return np.zeros((self._channels, 0), dtype=np.float32)
        start = self._queue.start
        out = self._queue.read(start, start + count).copy()
        self._queue.drop_before(start + count)
        needed, self._needed = self._needed, self._needed[count:]
        if needed.min() == 1.0 and self._recent.min() == 1.0:
            return out
        low = _released(_sliding_min(needed, self._ahead + 1), self._recent[-1], self._slope)
        joined = np.concatenate([self._recent, low])
        self._recent = joined[-self._ahead :]
        total = np.concatenate([[0.0], np.cumsum(joined)])
        gain = (total[self._ahead + 1 :] - total[: -self._ahead - 1]) / (self._ahead + 1)
        self._least = min(self._least, float(gain.min()))
        out *= gain.astype(np.float32)
        return out.clip(-self._limit, self._limit, out=out)


def _sliding_min(values: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Return the minimum over `size` values from each one on, ``(len(values) - size + 1,)``."""
    # Doubling: the minimum over 2 k values is that of two minima over k.
    result, reach = values, 1
    while reach < size:
        step = min(reach, size - reach)
        result = np.minimum(result[:-step], result[step:])
        reach += step
    return result


def _released(
    values: npt.NDArray[np.float64], before: float, slope: float
) -> npt.NDArray[np.float64]:
    """Let `values` rise by at most `slope` per sample, starting from `before`."""
    ramp = slope * np.arange(1, len(values) + 1)
    lowest = np.minimum(np.minimum.accumulate(values - ramp), before)
    limited: npt.NDArray[np.float64] = np.minimum(values, lowest + ramp)
    return limited
