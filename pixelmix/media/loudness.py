"""How loud sound is: FFmpeg's own meter (the filter ebur128), fed block by block."""

import math
from dataclasses import dataclass
from fractions import Fraction

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.filter import Graph

from pixelmix.media.samples import interleaved
from pixelmix.types import FloatArray

_QUIETEST = -70.0
"""LUFS; the gate of BS.1770, and what the filter says of silence."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a sound is as a whole."""

    integrated: float | None
    """LUFS (EBU R 128, gated); None for silence and for less than 0.4 s."""
    true_peak: float | None
    """dBTP, the greatest value of the curve through the samples; None for silence."""


class LoudnessMeter:
    """Measures sound as it passes, in all its channels; memory does not grow with the length.

    Integrated loudness as in ITU-R BS.1770 and EBU R 128; true peak as there, from the sound
    resampled to 192 kHz (four times 48 kHz), in steps of 0.001 of full scale.

    Parameters
    ----------
    rate, layout
        Of the samples: Hz, and FFmpeg's name of the channel layout.
    """

    def __init__(self, rate: int, layout: str) -> None:
        self._rate, self._layout = rate, layout
        self._samples = 0
        self._sample_peak = 0.0
        self._found: dict[str, str] = {}
        self._graph = Graph()
        clock = Fraction(1, rate)
        self._source = self._graph.add_abuffer(
            format="flt", sample_rate=rate, layout=layout, time_base=clock
        )
        meter = self._graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
        self._sink = self._graph.add("abuffersink")
        self._source.link_to(meter)
        meter.link_to(self._sink)
        self._graph.configure()

    def add(self, samples: FloatArray) -> None:
        """Take the next ``(channels, samples)``."""
        if not samples.shape[1]:
            return
        self._sample_peak = max(self._sample_peak, float(np.abs(samples).max()))
        self._push(samples)

    def finish(self) -> Loudness:
        """Return what was measured; nothing can be added afterwards."""
        integrated = float(self._found.get("lavfi.r128.I", _QUIETEST))
        if self._samples:
            # The filter reports every tenth of a second: silence carries the last peak there.
            channels = AudioLayout(self._layout).nb_channels
            self._push(np.zeros((channels, self._rate // 5 + 1), np.float32))
        between = float(self._found.get("lavfi.r128.true_peak", 0.0))
        peak = max(between, self._sample_peak)
        return Loudness(
            integrated=integrated if integrated > _QUIETEST else None,
            true_peak=20 * math.log10(peak) if peak > 0 else None,
        )

    def _push(self, samples: FloatArray) -> None:
        frame = AudioFrame.from_ndarray(interleaved(samples), "flt", self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._samples
        self._samples += samples.shape[1]
        self._source.push(frame)
        while (measured := self._pull()) is not None:
            self._found = measured

    def _pull(self) -> dict[str, str] | None:
        try:
            return self._sink.pull().metadata
        except (av.error.BlockingIOError, av.error.EOFError):
            return None
