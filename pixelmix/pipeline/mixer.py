"""The new sound of a file: mixed, kept from clipping, and measured on the way."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pixelmix.media.loudness import Loudness, LoudnessMeter
from pixelmix.media.spool import Spool
from pixelmix.mix.gains import remix
from pixelmix.mix.limiter import Limiter
from pixelmix.stems import StemStream
from pixelmix.types import FloatArray, Gain

Clip = Literal["limit", "rescale", "none"]
"""What keeps the sound below full scale: a limiter on its peaks, one gain for all of it, nothing.

Even gains below one can raise a peak: what a mask takes away may have held it down.
"""

HIGHEST_PEAK = -0.1
"""dBTP that a sound is rescaled to; the meter's own error is some 0.01 dB."""


@dataclass(frozen=True, slots=True)
class SoundReport:
    """A sound as it was and as it was given to the encoder."""

    before: Loudness
    after: Loudness
    reduction_db: float
    """By how much peaks (``limit``) or all of it (``rescale``) were turned down at most, dB."""


class Mixer:
    """Blocks of the new sound from blocks of stems; memory does not grow with the length.

    Parameters
    ----------
    stream
        The stems.
    names, gains
        Of the stems, in their order; what becomes of them.
    clip
        See `Clip`. ``rescale`` knows its gain when all is mixed, and keeps the sound until then.
    folder
        Where it is kept, on disk.
    """

    def __init__(
        self,
        stream: StemStream,
        names: Sequence[str],
        gains: Sequence[Gain],
        clip: Clip,
        folder: Path,
    ) -> None:
        self._stream, self._names, self._gains = stream, names, gains
        self._clip, self._folder = clip, folder
        audio = stream.audio
        self._limiter = Limiter(audio.rate, audio.channels)
        self._scale_db = 0.0
        self._before = LoudnessMeter(audio.rate, audio.layout)
        self._after = LoudnessMeter(audio.rate, audio.layout)
        self.peak = 0.0
        """Greatest absolute sample so far, before it is encoded."""

    def report(self) -> SoundReport:
        """Return what was measured, once all blocks were taken."""
        reduction = max(0.0, self._limiter.reduction_db, -self._scale_db)
        return SoundReport(self._before.finish(), self._after.finish(), reduction)

    def __iter__(self) -> Iterator[FloatArray]:
        """Yield ``(channels, samples)``, sample for sample as long as the original."""
        ways = {"limit": self._limited, "rescale": self._rescaled, "none": self._mixed}
        for block in ways[self._clip]():
            self._after.add(block)
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
            yield block

    def _mixed(self) -> Iterator[FloatArray]:
        position, rate = self._stream.first_sample, self._stream.audio.rate
        for block in self._stream:
            self._before.add(block.samples)
            mixed = remix(block, self._names, self._gains, rate, position)
            position += mixed.shape[-1]
            yield mixed

    def _limited(self) -> Iterator[FloatArray]:
        for block in self._mixed():
            yield self._limiter.push(block)
        yield self._limiter.finish()

    def _rescaled(self) -> Iterator[FloatArray]:
        audio = self._stream.audio
        meter = LoudnessMeter(audio.rate, audio.layout)
        with Spool(self._folder, audio.channels) as spool:
            for block in self._mixed():
                meter.add(block)
                spool.add(block)
            peak = meter.finish().true_peak
            self._scale_db = min(0.0, HIGHEST_PEAK - (-math.inf if peak is None else peak))
            gain = np.float32(10 ** (self._scale_db / 20))
            for block in spool:
                yield block * gain
