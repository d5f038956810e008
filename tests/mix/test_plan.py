"""Windows cover every sample; pictures are shared; the network's input is the published one."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.dsp.warp import warp_matrix
from pixelmix.mix.plan import Window, WindowBuffer, picture_times, spectrogram, window_count
from pixelmix.types import FloatArray, FrontEnd, Vision

MODEL = FrontEnd(11025, 65535, 1022, 256, 256, 21.0, 1e-10)
SMALL = FrontEnd(8000, 511, 62, 16, 16, 21.0, 1e-10)
SIX_SECONDS = FrontEnd(11025, 66150, 1022, 256, 256, 21.0, 1e-10)
VISION = Vision(224, 16, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 3, 1.0)


def windows_of(fe: FrontEnd, samples: FloatArray, cuts: list[int]) -> list[Window]:
    buffer = WindowBuffer(fe)
    windows = [window for block in np.split(samples, cuts) for window in buffer.push(block[None])]
    return windows + buffer.finish()


@given(st.integers(0, 3000), st.lists(st.integers(0, 3000), max_size=6))
@settings(deadline=None)
def test_windows_hold_every_sample(length: int, cuts: list[int]) -> None:
    samples = np.arange(1, length + 1, dtype=np.float32)
    windows = windows_of(SMALL, samples, sorted(min(cut, length) for cut in cuts))
    assert len(windows) == window_count(SMALL, length) >= 1
    padded = np.concatenate([samples, np.zeros(4000, dtype=np.float32)])
    for index, window in enumerate(windows):
        start = index * SMALL.hop_samples
        assert (window.index, window.start_sample) == (index, start)
        wanted = padded[start : start + SMALL.window_samples]
        np.testing.assert_array_equal(window.samples, wanted[None])
    assert windows[-1].start_sample + SMALL.window_samples >= length
    # One window less would not do.
    if len(windows) > 1:
        assert windows[-2].start_sample + SMALL.window_samples < length


def test_windows_come_as_soon_as_they_are_complete() -> None:
    buffer = WindowBuffer(SMALL)
    assert not buffer.push(np.zeros((1, 510), dtype=np.float32))
    assert len(buffer.push(np.zeros((1, 1), dtype=np.float32))) == 1
    assert len(buffer.push(np.zeros((1, 2 * SMALL.hop_samples), dtype=np.float32))) == 2
    assert not buffer.finish()


def test_windows_own_their_samples() -> None:
    buffer = WindowBuffer(SMALL, 2)
    first = buffer.push(np.ones((2, SMALL.window_samples), dtype=np.float32))[0]
    buffer.push(np.zeros((2, 5000), dtype=np.float32))
    assert first.samples.shape == (2, SMALL.window_samples)
    assert (first.samples == 1).all()


@pytest.mark.parametrize("fe", [MODEL, SIX_SECONDS])
@pytest.mark.parametrize("spacing", [0.0, 0.5, 0.7, 1.0, 2.2, 3.0, 3.8])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_pictures(fe: FrontEnd, spacing: float, count: int) -> None:
    vision = dataclasses.replace(VISION, frames_per_window=count, frame_spacing=spacing)
    grid = fe.hop_samples / 2 / fe.rate
    for index in (0, 1, 7, 1000):
        times = picture_times(fe, vision, index, 0.25)
        assert len(times) == count
        assert list(times) == sorted(times)
        centre = 0.25 + (index * fe.hop_samples + fe.window_samples / 2) / fe.rate
        for i, time in enumerate(times):
            wanted = centre + (i - (count - 1) / 2) * spacing
            assert abs(time - wanted) <= grid / 2 + 1e-6
            steps = (time - 0.25) / grid
            assert math.isclose(steps, round(steps), abs_tol=1e-6)


def test_neighbouring_windows_share_pictures() -> None:
    vision = dataclasses.replace(VISION, frame_spacing=3.0)
    per_window = [picture_times(MODEL, vision, index, 0.0213) for index in range(50)]
    different = {time for times in per_window for time in times}
    assert len(different) == 50 + 2


def test_network_input_is_the_published_one() -> None:
    samples = np.random.default_rng(0).standard_normal(65535, dtype=np.float32)
    spectrum = torch.stft(
        torch.from_numpy(samples),
        1022,
        256,
        window=torch.hann_window(1022),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    expected = np.log(warp_matrix(MODEL) @ spectrum.abs().numpy() + 1e-10)
    got = spectrogram(MODEL, samples[None]).log_magnitude
    assert got.shape == (1, 1, 256, 256)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[0, 0], expected, atol=2e-4)


def test_the_network_hears_the_mean_of_all_channels() -> None:
    samples = np.random.default_rng(0).standard_normal((2, MODEL.window_samples), dtype=np.float32)
    both = spectrogram(MODEL, samples)
    mean, *single = (
        spectrogram(MODEL, one) for one in (samples.mean(0, keepdims=True), *samples[:, None])
    )
    np.testing.assert_allclose(both.log_magnitude, mean.log_magnitude, atol=1e-4)
    np.testing.assert_allclose(both.magnitude, mean.magnitude, rtol=1e-3, atol=1e-4)
    assert both.channels.shape == (2, *both.magnitude.shape)
    for channel, alone in zip(both.channels, single, strict=True):
        np.testing.assert_allclose(channel, alone.magnitude, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(mean.channels[0], mean.magnitude)


def test_silence_is_the_floor() -> None:
    silence = np.zeros(MODEL.window_samples, dtype=np.float32)
    got = spectrogram(MODEL, silence[None]).log_magnitude
    np.testing.assert_allclose(got, math.log(1e-10), rtol=1e-6)
