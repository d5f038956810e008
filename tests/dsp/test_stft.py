"""The STFT pair against torch.stft, and against itself."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.dsp.stft import frame, hann, istft, overlap_add, stft
from pixelmix.types import ComplexArray, FloatArray

GRIDS = [(1022, 256), (256, 64), (128, 96)]


def noise(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def torch_stft(samples: FloatArray, n_fft: int, hop: int, pad_mode: str) -> ComplexArray:
    spectrum = torch.stft(
        torch.from_numpy(samples),
        n_fft,
        hop,
        window=torch.hann_window(n_fft),
        center=True,
        pad_mode=pad_mode,
        return_complex=True,
    )
    result: ComplexArray = spectrum.numpy()
    return result


@pytest.mark.parametrize(("n_fft", "hop"), GRIDS)
def test_equals_torch(n_fft: int, hop: int) -> None:
    samples = noise(2, 5000)
    ours = stft(samples, n_fft, hop)
    theirs = torch_stft(samples, n_fft, hop, "reflect")
    assert ours.shape == theirs.shape == (2, n_fft // 2 + 1, 5000 // hop + 1)
    assert ours.dtype == np.complex64
    np.testing.assert_allclose(ours, theirs, atol=2e-6 * np.abs(theirs).max())


def test_window_of_the_model_has_256_frames() -> None:
    assert stft(noise(65535), 1022, 256).shape == (512, 256)


@pytest.mark.parametrize("samples", [1, 100, 128])
def test_too_short_to_reflect_is_padded_with_zeros(samples: int) -> None:
    values = noise(1, samples)
    expected = torch_stft(values, 256, 64, "constant")
    np.testing.assert_allclose(stft(values, 256, 64), expected, atol=1e-5)


def test_shortest_reflected() -> None:
    values = noise(1, 129)
    expected = torch_stft(values, 256, 64, "reflect")
    np.testing.assert_allclose(stft(values, 256, 64), expected, atol=1e-5)


@pytest.mark.parametrize(("n_fft", "hop"), [(1022, 256), (256, 64)])
@pytest.mark.parametrize("samples", [300, 1023, 4096, 5001])
def test_round_trip(n_fft: int, hop: int, samples: int) -> None:
    values = noise(3, samples)
    back = istft(stft(values, n_fft, hop), n_fft, hop, samples)
    assert back.dtype == np.float32
    # Behind the centre of the last frame its window tapers and rounding grows.
    np.testing.assert_allclose(back, values, atol=1e-4)
    certain = samples // hop * hop
    np.testing.assert_allclose(back[:, :certain], values[:, :certain], atol=5e-6)


def test_inverse_is_zero_where_no_frame_reaches() -> None:
    values = noise(1, 512)
    back = istft(stft(values, 256, 64), 256, 64, 2000)
    assert back.shape == (1, 2000)
    assert not back[:, 700:].any()


def test_tone_peaks_at_its_bin() -> None:
    samples = np.cos(2 * np.pi * 20 / 256 * np.arange(4096)).astype(np.float32)
    magnitude = np.abs(stft(samples, 256, 64))
    assert set(magnitude[:, 4:-4].argmax(axis=0)) == {20}
    np.testing.assert_allclose(magnitude[20, 4:-4], 64.0, rtol=1e-5)


@given(st.integers(1, 9), st.integers(1, 6), st.integers(2, 24))
@settings(max_examples=40, deadline=None)
def test_overlap_add_is_a_sum_of_shifted_frames(count: int, hop: int, n_fft: int) -> None:
    frames = noise(2, count, n_fft)
    expected = np.zeros((2, (count - 1) * hop + n_fft))
    for index in range(count):
        expected[:, index * hop : index * hop + n_fft] += frames[:, index]
    total = overlap_add(frames, hop)
    assert total.shape[-1] >= expected.shape[-1]
    np.testing.assert_allclose(total[:, : expected.shape[-1]], expected, atol=1e-5)
    assert not total[:, expected.shape[-1] :].any()


def test_frames_are_a_view() -> None:
    values = noise(1000)
    assert np.shares_memory(frame(values, 100, 10), values)


def test_shared_window_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        hann(64)[0] = 1.0
