import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.blend import compete
from pixelmix.mix.refine import refine
from pixelmix.types import FloatArray

ROWS, FRAMES = 40, 60


def players(seed: int) -> FloatArray:
    """Return the magnitudes ``(2, rows, frames)`` of two players with four notes each."""
    rng = np.random.default_rng(seed)
    notes = np.exp(rng.normal(scale=2.0, size=(2, ROWS, 4)))
    score = (rng.random((2, 4, FRAMES // 6)) < 0.4).repeat(6, axis=2)
    return np.asarray(notes @ score + 1e-3, np.float32)


def doubtful(sounds: FloatArray, seed: int) -> FloatArray:
    """Return the true shares of two sounds, with each cell's judgement blurred by noise."""
    true = sounds[0] / sounds.sum(axis=0)
    noise = np.random.default_rng(seed).normal(scale=1.5, size=true.shape)
    first = 1 / (1 + np.exp(-(2 * true - 1 + noise)))
    return np.asarray(0.9 * np.stack([first, 1 - first]), np.float32)


def error(shares: FloatArray, sounds: FloatArray) -> float:
    """Return the error of the sounds that shares make, as a part of their energy."""
    return float(np.square(shares * sounds.sum(axis=0) - sounds).sum() / np.square(sounds).sum())


def test_what_recurs_puts_right_what_single_cells_got_wrong() -> None:
    before, after = [], []
    for seed in range(6):
        sounds = players(seed)
        shares = doubtful(sounds, seed)
        before.append(error(shares, sounds))
        after.append(error(refine(shares, sounds.sum(axis=0)), sounds))
    assert np.all(np.array(after) < before)
    assert np.mean(after) < 0.8 * np.mean(before)


def test_one_region_gains_from_it_too() -> None:
    before, after = [], []
    for seed in range(6):
        sounds = players(seed)
        alone = doubtful(sounds, seed)[:1]
        before.append(error(alone, sounds[:1]))
        after.append(error(refine(alone, sounds.sum(axis=0)), sounds[:1]))
    assert np.all(np.array(after) < before)
    assert np.mean(after) < 0.8 * np.mean(before)


@given(
    regions=st.integers(1, 4),
    seed=st.integers(0, 999),
    level=st.sampled_from([1e-6, 1.0, 1e4]),
    silent=st.floats(0, 1),
)
@settings(max_examples=30, deadline=None)
def test_the_result_divides_the_sound(regions: int, seed: int, level: float, silent: float) -> None:
    rng = np.random.default_rng(seed)
    magnitude = (level * rng.random((ROWS, FRAMES)) ** 4).astype(np.float32)
    magnitude[:, rng.random(FRAMES) < silent] = 0
    shares = compete(rng.random((regions, ROWS, FRAMES), np.float32))
    refined = refine(shares, magnitude)
    assert refined.shape == shares.shape
    assert refined.dtype == np.float32
    assert np.isfinite(refined).all()
    assert refined.min() >= 0
    assert refined.sum(axis=0).max() <= 1 + 1e-5
    np.testing.assert_array_equal(refined, refine(shares, magnitude))


def test_silence_is_divided_as_it_was() -> None:
    shares = compete(np.random.default_rng(0).random((2, ROWS, FRAMES), np.float32))
    np.testing.assert_array_equal(refine(shares, np.zeros((ROWS, FRAMES), np.float32)), shares)


def test_all_or_nothing_stays() -> None:
    sound = players(0).sum(axis=0)
    shares = np.zeros((2, *sound.shape), np.float32)
    shares[0] = 1
    np.testing.assert_allclose(refine(shares, sound), shares, atol=1e-3)


def test_the_order_of_the_regions_does_not_matter() -> None:
    sounds = players(2)
    shares = doubtful(sounds, 2)
    one, other = (refine(order, sounds.sum(axis=0)) for order in (shares, shares[::-1]))
    np.testing.assert_allclose(one, other[::-1], atol=1e-4)


def test_the_level_of_the_sound_does_not_matter() -> None:
    sounds = players(1)
    shares = doubtful(sounds, 1)
    loud, soft = (refine(shares, level * sounds.sum(axis=0)) for level in (100.0, 0.01))
    np.testing.assert_allclose(loud, soft, atol=1e-3)
