"""Sounds for training: random mixtures of augmented solos (Mix-and-Separate, paper section 3.2)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from pixelmix.types import FloatArray

QUIETEST = 10 ** (-50 / 20)
"""A crop below this RMS is drawn again: silence under an instrument's name teaches nothing."""


@dataclass(frozen=True, slots=True)
class SoundPool:
    """Mono solos of one split, end to end in one 16-bit array."""

    samples: npt.NDArray[np.int16]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    rate: int

    def crop(self, track: int, length: int, rng: np.random.Generator) -> FloatArray:
        """Return ``(length,)`` samples of a track at a slightly varied speed, full scale 1."""
        for _ in range(10):
            speed = rng.uniform(0.93, 1.07) if rng.random() < 0.5 else 1.0
            needed = int(np.ceil(length * speed)) + 1
            room = int(self.lengths[track]) - needed
            start = int(self.starts[track]) + int(rng.integers(0, max(1, room)))
            raw = self.samples[start : start + min(needed, int(self.lengths[track]))]
            x: FloatArray = raw.astype(np.float32) / np.float32(32768)
            if speed != 1.0:
                x = np.interp(np.arange(length) * speed, np.arange(len(x)), x).astype(np.float32)
            x = np.pad(x[:length], (0, max(0, length - len(x))))
            if np.sqrt(np.mean(x * x)) > QUIETEST:
                break
        return x


def augment(x: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Give a sound another room, tone and band; its level is left to the mixer.

    ``x (samples,) -> (samples,)``, RMS 1 (or silence).
    """
    size = scipy.fft.next_fast_len(len(x) + rate // 2, real=True)
    frequencies = np.fft.rfftfreq(size, 1 / rate).astype(np.float32)
    spectrum = scipy.fft.rfft(x, size) * _tone(frequencies, rng)
    if rng.random() < 0.5:
        spectrum *= scipy.fft.rfft(_room(rate, rng), size)
    y: FloatArray = scipy.fft.irfft(spectrum, size)[: len(x)]
    rms = float(np.sqrt(np.mean(y * y)))
    return (y / max(rms, 1e-6)).astype(np.float32)


def _tone(frequencies: FloatArray, rng: np.random.Generator) -> FloatArray:
    octaves = np.log2(np.maximum(frequencies, 30.0) / 30.0)
    knots = np.linspace(0.0, octaves[-1], 7)
    db = np.interp(octaves, knots, rng.normal(0.0, 5.0, size=7))
    if rng.random() < 0.35:
        cutoff = rng.uniform(2200, 5500)
        db -= np.clip(np.log2(np.maximum(frequencies, 1.0) / cutoff), 0, None) * rng.uniform(12, 60)
    if rng.random() < 0.35:
        cutoff = rng.uniform(60, 300)
        db -= np.clip(np.log2(cutoff / np.maximum(frequencies, 1.0)), 0, 8) * rng.uniform(6, 24)
    return (10 ** (db / 20)).astype(np.float32)


def _room(rate: int, rng: np.random.Generator) -> FloatArray:
    n = rate // 2
    decay = rng.uniform(0.1, 0.9)
    tail = rng.normal(size=n) * np.exp(-6.91 * np.arange(n) / (decay * rate))
    tail *= rng.uniform(0.1, 1.2) / np.sqrt(np.sum(tail * tail))
    tail[0] += 1.0
    room: FloatArray = tail.astype(np.float32)
    return room


def noise(length: int, rng: np.random.Generator) -> FloatArray:
    """Return coloured noise ``(length,)`` with RMS 1: white to brown."""
    size = scipy.fft.next_fast_len(length, real=True)
    spectrum = rng.normal(size=size // 2 + 1) + 1j * rng.normal(size=size // 2 + 1)
    slope = rng.uniform(0.0, 1.0)
    x = scipy.fft.irfft(spectrum / (np.arange(size // 2 + 1) + 20.0) ** slope, size)[:length]
    coloured: FloatArray = (x / np.sqrt(np.mean(x * x))).astype(np.float32)
    return coloured
