"""The meter says what ITU-R BS.1770 says, however the sound is cut."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.media.loudness import Loudness, LoudnessMeter
from pixelmix.types import FloatArray


def sine(hertz: float, rate: int, seconds: float, phase: float = 0.0) -> FloatArray:
    """A full-scale sine, faded in and out: an edge would have peaks of its own."""
    n = np.arange(round(seconds * rate))
    fade = np.clip(np.minimum(n, n[::-1]) / (0.02 * rate), 0, 1)
    wave: FloatArray = (fade * np.sin(2 * np.pi * hertz / rate * n + phase)).astype(np.float32)
    return wave


def measure(samples: FloatArray, rate: int, layout: str, cuts: list[int] | None = None) -> Loudness:
    meter = LoudnessMeter(rate, layout)
    for block in np.split(samples, cuts or [], axis=1):
        meter.add(block)
    return meter.finish()


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_a_sine_of_997_hz_measures_as_the_standard_says(rate: int) -> None:
    """At full scale in one channel: -3.01 LUFS (BS.1770-4, annex 1)."""
    mono = sine(997.0, rate, 5.0)[None]
    assert measure(mono, rate, "mono").integrated == pytest.approx(-3.01, abs=0.1)
    both = np.repeat(mono, 2, axis=0)
    assert measure(both, rate, "stereo").integrated == pytest.approx(0.0, abs=0.1)
    quiet = measure(0.1 * both, rate, "stereo")
    assert quiet.integrated == pytest.approx(-20.0, abs=0.1)
    assert quiet.true_peak == pytest.approx(-20.0, abs=0.1)


def test_surrounds_weigh_more_and_the_low_channel_nothing() -> None:
    wave = 0.1 * sine(997.0, 48_000, 3.0)
    parts = []
    for channel in range(6):
        samples = np.zeros((6, len(wave)), np.float32)
        samples[channel] = wave
        parts.append(measure(samples, 48_000, "5.1").integrated)
    front, low, back = parts[0], parts[3], parts[4]
    assert low is None
    assert front == pytest.approx(-23.01, abs=0.1)
    assert back == pytest.approx(-23.01 + 10 * math.log10(1.41), abs=0.1)


def test_true_peaks_lie_between_samples() -> None:
    """Samples at 45 degrees of a quarter of the rate all miss the top by 3 dB."""
    wave = 0.5 * sine(12_000.0, 48_000, 2.0, math.pi / 4)
    assert np.abs(wave).max() == pytest.approx(0.5 / math.sqrt(2), abs=1e-3)
    found = measure(wave[None], 48_000, "mono").true_peak
    assert found == pytest.approx(20 * math.log10(0.5), abs=0.1)


def test_the_very_last_sample_counts() -> None:
    samples = np.zeros((2, 48_000), np.float32)
    samples[1, -1] = -2.0
    peak = measure(samples, 48_000, "stereo").true_peak
    assert peak is not None
    assert peak >= 20 * math.log10(2.0)


def test_silence_and_nothing_have_no_level() -> None:
    for length in (0, 48_000):
        samples = np.zeros((2, length), np.float32)
        assert measure(samples, 48_000, "stereo") == Loudness(None, None)


@given(st.lists(st.integers(0, 20_000), max_size=5), st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_cutting_changes_nothing(cuts: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    samples = 0.2 * random.standard_normal((2, 20_000), dtype=np.float32)
    whole = measure(samples, 16_000, "stereo")
    assert measure(samples, 16_000, "stereo", sorted(cuts)) == whole
    assert whole.true_peak is not None
    assert whole.true_peak >= 20 * math.log10(np.abs(samples).max())
