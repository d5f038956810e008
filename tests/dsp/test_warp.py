"""The frequency warp against grid_sample, and the matrix that carries masks to the source."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.dsp.warp import HighBand, band_bins, mask_matrix, unwarp_matrix, warp_matrix
from pixelmix.types import FloatArray, FrontEnd

MODEL = FrontEnd(11025, 65535, 1022, 256, 256, 21.0, 1e-10)
LINEAR = dataclasses.replace(MODEL, warp_base=None)
OTHER = FrontEnd(22050, 65536, 2048, 512, 192, 50.0, 1e-10)
RATES = [8000, 11025, 22050, 44100, 48000, 96000]


def grid_sample(image: FloatArray, y: npt.NDArray[np.float64], out: int) -> FloatArray:
    """Sample ``(rows, frames)`` at rows `y` (-1..1) with torch."""
    frames = image.shape[1]
    x = np.linspace(-1, 1, frames)
    grid = np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(image.astype(np.float64))[None, None],
        torch.from_numpy(grid)[None],
        mode="bilinear",
        padding_mode="zeros",
        align_corners=True,
    )
    result: FloatArray = sampled[0, 0].numpy().astype(np.float32)
    assert result.shape == (out, frames)
    return result


@pytest.mark.parametrize("fe", [MODEL, OTHER])
def test_warp_equals_grid_sample(fe: FrontEnd) -> None:
    assert fe.warp_base is not None
    image = np.random.default_rng(0).random((fe.bins, 8), dtype=np.float32)
    y, base = np.linspace(-1, 1, fe.rows), fe.warp_base
    source = (base ** ((y + 1) / 2) - (base + 1) / 2) / ((base - 1) / 2)
    expected = grid_sample(image, source, fe.rows)
    assert warp_matrix(fe).shape == (fe.rows, fe.bins)
    np.testing.assert_allclose(warp_matrix(fe) @ image, expected, atol=1e-6)


@pytest.mark.parametrize("fe", [MODEL, OTHER])
def test_unwarp_equals_grid_sample(fe: FrontEnd) -> None:
    assert fe.warp_base is not None
    image = np.random.default_rng(1).random((fe.rows, 8), dtype=np.float32)
    y, base = np.linspace(-1, 1, fe.bins), fe.warp_base
    source = np.log(y * (base - 1) / 2 + (base + 1) / 2) / np.log(base) * 2 - 1
    expected = grid_sample(image, source, fe.bins)
    assert unwarp_matrix(fe).shape == (fe.bins, fe.rows)
    np.testing.assert_allclose(unwarp_matrix(fe) @ image, expected, atol=1e-6)


def test_published_formulas() -> None:
    """Base 21 is ``(21 ** ((y + 1) / 2) - 11) / 10`` and ``log(10 y + 11) / log(21) * 2 - 1``."""
    image = np.random.default_rng(2).random((512, 4), dtype=np.float32)
    y = np.linspace(-1, 1, 256)
    expected = grid_sample(image, (np.power(21, (y + 1) / 2) - 11) / 10, 256)
    np.testing.assert_allclose(warp_matrix(MODEL) @ image, expected, atol=1e-6)
    image, y = image[:256], np.linspace(-1, 1, 512)
    expected = grid_sample(image, np.log(y * 10 + 11) / np.log(21) * 2 - 1, 512)
    np.testing.assert_allclose(unwarp_matrix(MODEL) @ image, expected, atol=1e-6)


def test_linear_axis() -> None:
    same = dataclasses.replace(LINEAR, rows=LINEAR.bins)
    np.testing.assert_array_equal(warp_matrix(same), np.eye(same.bins, dtype=np.float32))
    np.testing.assert_array_equal(unwarp_matrix(same), np.eye(same.bins, dtype=np.float32))
    ramp = np.linspace(0, 1, LINEAR.bins, dtype=np.float32)
    expected = np.linspace(0, 1, LINEAR.rows)
    np.testing.assert_allclose(warp_matrix(LINEAR) @ ramp, expected, atol=1e-6)


@pytest.mark.parametrize("fe", [MODEL, OTHER, LINEAR])
def test_rows_are_averages(fe: FrontEnd) -> None:
    for matrix in (warp_matrix(fe), unwarp_matrix(fe)):
        assert matrix.dtype == np.float32
        assert matrix.min() >= 0
        np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-6)


def test_smooth_spectra_survive_the_round_trip() -> None:
    smooth = np.sin(np.linspace(0, 6, MODEL.bins)).astype(np.float32)
    back = unwarp_matrix(MODEL) @ (warp_matrix(MODEL) @ smooth)
    np.testing.assert_allclose(back, smooth, atol=2e-3)


@pytest.mark.parametrize("fe", [MODEL, OTHER, LINEAR])
@pytest.mark.parametrize("rate", RATES)
def test_masks_stay_masks(fe: FrontEnd, rate: int) -> None:
    matrix = mask_matrix(fe, rate, 2048)
    assert matrix.shape == (1025, fe.rows)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-6)


def test_same_grid_is_the_unwarp() -> None:
    matrix = mask_matrix(MODEL, MODEL.rate, MODEL.n_fft)
    np.testing.assert_allclose(matrix, unwarp_matrix(MODEL), atol=1e-6)


def test_mask_follows_frequency() -> None:
    """A mask that is a line over frequency is that line at the source's bins."""
    same = dataclasses.replace(LINEAR, rows=LINEAR.bins)
    hertz = np.arange(same.bins, dtype=np.float32) * same.rate / same.n_fft
    at_source = mask_matrix(same, 48000, 4096) @ (hertz / 5512.5)
    band = band_bins(same, 48000, 4096)
    expected = np.arange(2049) * 48000 / 4096 / 5512.5
    np.testing.assert_allclose(at_source[:band], expected[:band], atol=1e-5)
    assert expected[band - 1] <= 1.0 < expected[band]


def test_above_the_band_is_the_mean_of_the_top_octave() -> None:
    mask = np.random.default_rng(3).random(MODEL.rows, dtype=np.float32)
    at_source = mask_matrix(MODEL, 48000, 4096) @ mask
    band = band_bins(MODEL, 48000, 4096)
    octave = (unwarp_matrix(MODEL) @ mask)[256:]
    np.testing.assert_allclose(at_source[band:], octave.mean(), atol=1e-6)


@pytest.mark.parametrize("highband", ["follow", "keep"])
def test_high_band_choice_changes_only_the_high_band(highband: HighBand) -> None:
    matrix = mask_matrix(MODEL, 44100, 4096, highband)
    band = band_bins(MODEL, 44100, 4096)
    np.testing.assert_array_equal(matrix[:band], mask_matrix(MODEL, 44100, 4096)[:band])
    assert matrix[band:].any() == (highband == "follow")


@given(st.sampled_from([MODEL, OTHER]), st.integers(4000, 192000), st.integers(7, 14))
@settings(max_examples=50, deadline=None)
def test_band_ends_at_the_models_nyquist(fe: FrontEnd, rate: int, power: int) -> None:
    n_fft = 2**power
    hertz = np.arange(n_fft // 2 + 1) * (rate / n_fft)
    assert band_bins(fe, rate, n_fft) == np.count_nonzero(hertz <= fe.rate / 2 + 1e-9)
