"""The resampler against analytic tones."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.dsp.resample import PASS, Resampler
from pixelmix.types import FloatArray

RATES = [8000, 22050, 44100, 48000, 96000]
TARGET = 11025


def tone(hertz: float, rate: int, samples: int) -> FloatArray:
    wave: FloatArray = np.sin(2 * np.pi * hertz / rate * np.arange(samples) + 0.3).astype(
        np.float32
    )
    return wave


def resample(
    samples: FloatArray, source: int, target: int, cuts: list[int] | None = None
) -> FloatArray:
    resampler = Resampler(source, target)
    blocks = np.split(samples, cuts or [])
    return np.concatenate([*(resampler.push(block) for block in blocks), resampler.finish()])


def level_db(values: npt.NDArray[np.floating]) -> float:
    return 20 * math.log10(max(float(np.abs(values).max()), 1e-12))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_tones_in_the_pass_band_come_out_in_time(rate: int, share: float) -> None:
    hertz = share * PASS * min(rate, TARGET) / 2
    out = resample(tone(hertz, rate, rate), rate, TARGET)
    expected = tone(hertz, TARGET, TARGET)
    assert out.dtype == np.float32
    assert out.shape == expected.shape
    margin = 400
    assert level_db((out - expected)[margin:-margin]) < -80


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
@pytest.mark.parametrize("share", [1.0, 1.02, 1.5, 1.98])
def test_nothing_folds_back(rate: int, share: float) -> None:
    hertz = min(share * TARGET / 2, rate / 2 - 1)
    out = resample(tone(hertz, rate, rate), rate, TARGET)
    assert level_db(out[400:-400]) < -80


def test_no_images_when_going_up() -> None:
    out = resample(tone(1000, 8000, 16000), 8000, 48000)[4000:-4000]
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)))) / len(out) * 4
    hertz = np.fft.rfftfreq(len(out), 1 / 48000)
    assert level_db(spectrum[hertz > 4000]) < -80


@pytest.mark.parametrize("rate", RATES)
def test_constant_stays_constant(rate: int) -> None:
    out = resample(np.ones(rate, dtype=np.float32), rate, TARGET)
    np.testing.assert_allclose(out[400:-400], 1.0, atol=3e-6)


@given(
    st.sampled_from([(48000, 11025), (44100, 11025), (8000, 11025), (3, 2), (2, 3), (7, 7)]),
    st.lists(st.integers(0, 3000), max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_length_and_block_invariance(rates: tuple[int, int], sizes: list[int]) -> None:
    source, target = rates
    samples = np.random.default_rng(0).standard_normal(sum(sizes), dtype=np.float32)
    out = resample(samples, source, target, list(np.cumsum(sizes)))
    assert len(out) == -(-len(samples) * target // source)
    np.testing.assert_allclose(out, resample(samples, source, target), atol=1e-6)


def test_rates_without_a_common_factor_agree_with_the_dense_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = np.random.default_rng(1).standard_normal(30000, dtype=np.float32)
    expected = resample(samples, 48000, TARGET)
    monkeypatch.setattr("pixelmix.dsp.resample._LARGEST", 0)
    np.testing.assert_allclose(resample(samples, 48000, TARGET), expected, atol=1e-5)
    # A pattern shorter than one run of outputs.
    np.testing.assert_allclose(
        resample(samples, 44100, TARGET)[400:-400],
        resample(samples, 44100, TARGET, [777])[400:-400],
        atol=1e-6,
    )


def test_rates_without_a_common_factor() -> None:
    out = resample(tone(1000, 44056, 44056), 44056, TARGET)
    assert level_db((out - tone(1000, TARGET, TARGET))[400:-400]) < -80


def test_same_rate_is_the_identity() -> None:
    samples = np.random.default_rng(2).standard_normal(1000, dtype=np.float32)
    np.testing.assert_array_equal(resample(samples, 44100, 44100, [10, 500]), samples)


def test_a_click_keeps_its_time() -> None:
    click = np.zeros(48000, dtype=np.float32)
    click[19200] = 1.0
    out = resample(click, 48000, TARGET)
    assert np.abs(out).argmax() == 19200 * TARGET // 48000


def test_memory_does_not_grow() -> None:
    resampler = Resampler(48000, TARGET)
    held = [len(resampler.push(np.zeros(4096, dtype=np.float32))) for _ in range(200)]
    assert sum(held) > 199 * 4096 * TARGET / 48000 - 4000
    assert resampler._queue.stop - resampler._queue.start < 4 * 4096
