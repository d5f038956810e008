"""The limiter holds the ceiling and leaves everything else alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.limiter import LOOK_AHEAD, RELEASE, Limiter
from pixelmix.types import FloatArray


def limit(
    samples: FloatArray, cuts: list[int] | None = None, rate: int = 8000, ceiling: float = 0.999
) -> tuple[FloatArray, Limiter]:
    limiter = Limiter(rate, samples.shape[0], ceiling)
    blocks = [limiter.push(block) for block in np.split(samples, cuts or [], axis=1)]
    return np.concatenate([*blocks, limiter.finish()], axis=1), limiter


def noise(samples: int, level: float, seed: int = 0, channels: int = 2) -> FloatArray:
    random = np.random.default_rng(seed)
    return (level * random.standard_normal((channels, samples))).astype(np.float32)


@given(
    st.integers(0, 4000),
    st.lists(st.integers(0, 4000), max_size=6),
    st.floats(0.01, 10.0),
    st.sampled_from([0.1, 0.5, 0.999, 1.0]),
    st.integers(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_never_above_the_ceiling(
    length: int, cuts: list[int], level: float, ceiling: float, seed: int
) -> None:
    samples = noise(length, level, seed)
    out, limiter = limit(samples, sorted(min(cut, length) for cut in cuts), ceiling=ceiling)
    assert out.shape == samples.shape
    assert out.dtype == np.float32
    assert np.abs(out.astype(float)).max(initial=0.0) <= ceiling
    # Only ever quieter, and block sizes make no difference.
    assert (np.abs(out) <= np.abs(samples)).all()
    np.testing.assert_allclose(out, limit(samples, ceiling=ceiling)[0], atol=1e-6)
    assert limiter.reduction_db >= 0


@pytest.mark.parametrize("cuts", [[], [1, 2, 500, 501]])
def test_transparent_below_the_ceiling(cuts: list[int]) -> None:
    samples = np.clip(noise(3000, 0.3), -0.998, 0.998)
    out, limiter = limit(samples, cuts)
    np.testing.assert_array_equal(out, samples)
    assert limiter.reduction_db == 0.0


def test_only_the_surroundings_of_a_peak_change() -> None:
    samples = np.clip(noise(20000, 0.2), -0.9, 0.9)
    samples[0, 8000] = 2.0
    out, limiter = limit(samples)
    changed = np.flatnonzero((out != samples).any(axis=0))
    assert changed.min() >= 8000 - 40
    assert changed.max() <= 8000 + 1600 + 80
    assert limiter.reduction_db == pytest.approx(6.03, abs=0.01)
    # A peak in one channel turns all of them down: the stereo picture stays where it is.
    gain = out[:, 7900:8100] / np.where(samples[:, 7900:8100] == 0, 1, samples[:, 7900:8100])
    np.testing.assert_allclose(gain[0], gain[1], atol=1e-5)


def test_gain_moves_without_steps() -> None:
    rate = 48000
    samples = np.full((1, rate), 0.9, dtype=np.float32)
    samples[0, 20000:20500] = 3.0
    out, _ = limit(samples, rate=rate)
    gain = out[0] / samples[0]
    assert np.abs(np.diff(gain)).max() < 1.0 / (0.004 * rate)
    assert out[0, 20000:20500].max() == pytest.approx(0.999, abs=1e-4)


def test_peaks_at_the_very_ends() -> None:
    samples = np.full((1, 300), 0.1, dtype=np.float32)
    samples[0, 0] = samples[0, -1] = -4.0
    out, limiter = limit(samples, [1, 299])
    assert out[0, 0] == pytest.approx(-0.999)
    assert out[0, -1] == pytest.approx(-0.999)
    assert limiter.reduction_db == pytest.approx(12.05, abs=0.01)


def test_nothing_in_nothing_out() -> None:
    out, _ = limit(np.zeros((6, 0), dtype=np.float32))
    assert out.shape == (6, 0)


def test_level_comes_back_in_the_release_time() -> None:
    rate = 48000
    samples = np.full((1, rate), 0.5, dtype=np.float32)
    samples[0, 10000] = 2 * 0.999
    out, _ = limit(samples, [12345, 20000], rate=rate)
    gain = out[0] / samples[0]
    # From half the level: half of the release, and the look-ahead's mean.
    middle = 10000 + round((RELEASE / 4 + LOOK_AHEAD / 2) * rate)
    assert gain[middle] == pytest.approx(0.75, abs=0.01)
    back = 10000 + round((RELEASE / 2 + LOOK_AHEAD) * rate)
    assert gain[back - 500] < 1
    np.testing.assert_array_equal(out[0, back + 2 :], samples[0, back + 2 :])
