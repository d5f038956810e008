import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.blend import compete
from pixelmix.mix.panning import panned
from pixelmix.types import FloatArray

ROWS, FRAMES = 40, 60


def scene(seed: int, *gains: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Return two players' true shares, and the magnitudes in channels with these gains of each."""
    rng = np.random.default_rng(seed)
    players = np.exp(rng.normal(scale=2.0, size=(2, ROWS, FRAMES)))
    true = players / players.sum(axis=0)
    channels = np.einsum("cp,prf->crf", np.array(gains), players)
    return true.astype(np.float32), channels.astype(np.float32)


def guessed(true: FloatArray, seed: int) -> FloatArray:
    """Return masks that favour the right player in three cells of four."""
    right = np.random.default_rng(seed).random(true.shape[1:]) < 0.75
    first = np.where((true[0] > 0.5) == right, 0.65, 0.25)
    return np.stack([first, 0.9 - first]).astype(np.float32)


def wrong(shares: FloatArray, true: FloatArray, channels: FloatArray) -> float:
    """Return the error of the shares as a part of the sound's energy."""
    energy = np.square(channels.sum(axis=0))
    return float((np.square(shares - true) * energy).sum() / (2 * energy.sum()))


@pytest.mark.parametrize("gains", [((1.0, 0.4), (0.4, 1.0)), ((1.0, 1.0), (1.0, 0.2))])
def test_guesses_become_right_where_players_stand_apart(
    gains: tuple[tuple[float, ...], ...],
) -> None:
    for seed in range(4):
        true, channels = scene(seed, *gains)
        shares = guessed(true, seed)
        before, after = (wrong(s, true, channels) for s in (shares, panned(shares, channels)))
        assert after < 0.15 * before


def test_one_region_gains_from_it_too() -> None:
    true, channels = scene(0, (1.0, 0.4), (0.4, 1.0))
    alone = guessed(true, 0)[:1]
    before, after = (wrong(s, true[:1], channels) for s in (alone, panned(alone, channels)))
    assert after < 0.3 * before


def test_five_channels_say_as_much() -> None:
    gains = (1.0, 0.2), (0.3, 1.0), (0.5, 0.5), (0.1, 0.1), (0.1, 0.2)
    true, channels = scene(0, *gains)
    shares = guessed(true, 0)
    after = wrong(panned(shares, channels), true, channels)
    assert after < 0.15 * wrong(shares, true, channels)


def test_one_channel_says_nothing() -> None:
    true, channels = scene(0, (1.0, 1.0))
    shares = guessed(true, 0)
    assert panned(shares, channels) is shares


@pytest.mark.parametrize(
    "gains",
    [((1.0, 1.0), (1.0, 1.0)), ((1.0, 1.0), (0.5, 0.5)), ((1.0, 1.0), (1e-6, 1e-6))],
)
def test_players_in_one_place_are_left_as_they_are(gains: tuple[tuple[float, ...], ...]) -> None:
    true, channels = scene(0, *gains)
    shares = guessed(true, 0)
    np.testing.assert_allclose(panned(shares, channels), shares, atol=1e-4)


def test_a_channel_of_faint_noise_says_nothing() -> None:
    true, channels = scene(0, (1.0, 1.0), (0.0, 0.0))
    channels[1] = 1e-3 * np.random.default_rng(1).random((ROWS, FRAMES))
    shares = guessed(true, 0)
    np.testing.assert_allclose(panned(shares, channels), shares, atol=0.01)


def test_silence_is_divided_as_it_was() -> None:
    shares = compete(np.random.default_rng(0).random((2, ROWS, FRAMES), np.float32))
    np.testing.assert_array_equal(panned(shares, np.zeros((2, ROWS, FRAMES), np.float32)), shares)


def test_sure_masks_stay() -> None:
    true, channels = scene(0, (1.0, 0.4), (0.4, 1.0))
    shares = np.stack([true[0] > 0.5, true[0] <= 0.5]).astype(np.float32)
    np.testing.assert_allclose(panned(shares, channels), shares, atol=1e-3)


@given(
    regions=st.integers(1, 4),
    channels=st.integers(2, 6),
    seed=st.integers(0, 999),
    level=st.sampled_from([1e-40, 1e-20, 1e-6, 1.0, 1e4]),
    silent=st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_the_result_divides_the_sound(
    regions: int, channels: int, seed: int, level: float, silent: float
) -> None:
    rng = np.random.default_rng(seed)
    magnitude = (level * rng.random((channels, ROWS, FRAMES)) ** 4).astype(np.float32)
    magnitude[:, :, rng.random(FRAMES) < silent] = 0
    shares = compete(rng.random((regions, ROWS, FRAMES), np.float32))
    found = panned(shares, magnitude)
    assert found.shape == shares.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.sum(axis=0).max() <= 1 + 1e-5
    np.testing.assert_array_equal(found, panned(shares, magnitude))


def test_neither_order_nor_level_matters() -> None:
    true, channels = scene(3, (1.0, 0.6), (0.5, 1.0))
    shares = guessed(true, 3)
    found = panned(shares, channels)
    np.testing.assert_allclose(panned(shares[::-1], channels)[::-1], found, atol=1e-4)
    np.testing.assert_allclose(panned(shares, channels[::-1]), found, atol=1e-4)
    np.testing.assert_allclose(panned(shares, 100 * channels), found, atol=1e-3)
