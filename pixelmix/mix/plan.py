"""Cutting the sound into the model's windows, and saying which pictures each one looks at."""

import math
from dataclasses import dataclass

import numpy as np

from pixelmix.dsp.queue import SampleQueue
from pixelmix.dsp.stft import stft
from pixelmix.dsp.warp import warp_matrix
from pixelmix.types import ComplexArray, FloatArray, FrontEnd, Vision


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window of the sound at the model's rate."""

    index: int
    start_sample: int
    """Multiple of ``FrontEnd.hop_samples``."""
    samples: FloatArray
    """(channels, window_samples), zero past the end of the sound."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectrogram:
    """Magnitudes of a window's STFT in the network's rows."""

    log_magnitude: FloatArray
    """(1, 1, rows, frames), the audio network's input: the natural logarithm of ``magnitude`` plus
    ``FrontEnd.log_floor``."""
    magnitude: FloatArray
    """(rows, frames) of the mean of all channels, which is what the network hears."""
    channels: FloatArray
    """(channels, rows, frames) of each."""
    spectra: ComplexArray
    """(channels, bins, frames), the STFT that all of these are made of."""


def window_count(fe: FrontEnd, samples: int) -> int:
    """Return the least number of windows that cover `samples` samples; at least one."""
    return 1 + max(0, -(-(samples - fe.window_samples) // fe.hop_samples))


class WindowBuffer:
    """Collects samples at the model's rate and hands out windows as they become complete."""

    def __init__(self, fe: FrontEnd, channels: int = 1) -> None:
        self._fe = fe
        self._queue = SampleQueue(channels)
        self._next = 0

    def push(self, samples: FloatArray) -> list[Window]:
        """Take ``(channels, samples)``; return the windows that they complete."""
        self._queue.append(samples)
        windows = []
        while self._next * self._fe.hop_samples + self._fe.window_samples <= self._queue.stop:
            windows.append(self._take())
        return windows

    def finish(self) -> list[Window]:
        """Return the remaining windows, filled up with zeros; all samples are then covered."""
        missing = window_count(self._fe, self._queue.stop) - self._next
        if missing <= 0:
            return []
        last = (self._next + missing - 1) * self._fe.hop_samples + self._fe.window_samples
        self._queue.append_zeros(last - self._queue.stop)
        return [self._take() for _ in range(missing)]

    def _take(self) -> Window:
        start = self._next * self._fe.hop_samples
        samples = self._queue.read(start, start + self._fe.window_samples).copy()
        window = Window(self._next, start, samples)
        self._next += 1
        self._queue.drop_before(start + self._fe.hop_samples)
        return window


def picture_times(
    fe: FrontEnd, vision: Vision, index: int, audio_start: float
) -> tuple[float, ...]:
    """Return when the pictures of window `index` are shown, seconds on the container's clock.

    They are ``frame_spacing`` apart around the window's centre, each moved to the nearest
    multiple of half a window hop, so that neighbouring windows share pictures. Times may lie
    before the first picture or after the last.
    """
    half_hop = fe.hop_samples / 2
    middle = (vision.frames_per_window - 1) / 2
    times = []
    for i in range(vision.frames_per_window):
        offset = fe.window_samples / 2 + (i - middle) * vision.frame_spacing * fe.rate
        # Whole steps from the window's own start: neighbours then share exactly equal times.
        step = 2 * index + math.floor(offset / half_hop + 0.5)
        times.append(audio_start + step * half_hop / fe.rate)
    return tuple(times)


def spectrogram(fe: FrontEnd, samples: FloatArray) -> Spectrogram:
    """Return what a window's samples ``(channels, window_samples)`` are made of."""
    spectra = stft(samples, fe.n_fft, fe.hop)
    warp = warp_matrix(fe)
    channels = warp @ np.abs(spectra)
    magnitude = channels[0] if len(channels) == 1 else warp @ np.abs(spectra.mean(axis=0))
    log_magnitude = magnitude + np.float32(fe.log_floor)
    np.log(log_magnitude, out=log_magnitude)
    return Spectrogram(log_magnitude[None, None], magnitude, channels, spectra)
