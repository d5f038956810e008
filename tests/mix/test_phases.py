import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.blend import compete
from pixelmix.mix.phases import phased
from pixelmix.types import ComplexArray, FloatArray, FrontEnd

FE = FrontEnd(8_000, 250 * 16, 62, 16, 32, None, 1e-6)
SHAPE = (FE.bins, FE.frames)
"""As many rows as bins, so that a row is a bin."""


def noise(rng: np.random.Generator, *shape: int) -> ComplexArray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def scene(seed: int, ways: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    """Return two players' true shares, and what comes of them by ways ``(channels, 2, bins)``."""
    rng = np.random.default_rng(seed)
    players = noise(rng, 2, *SHAPE) * np.exp(rng.normal(size=(2, *SHAPE)))
    loud = np.abs(players)
    spectra = np.einsum("cpf,pft->cft", ways, players).astype(np.complex64)
    return (loud / loud.sum(axis=0)).astype(np.float32), spectra


def room(seed: int) -> ComplexArray:
    """Ways with another level and phase in every bin, the levels no others for one player."""
    return noise(np.random.default_rng(1_000 + seed), 2, 2, FE.bins)


def delays() -> ComplexArray:
    """Two microphones 10 cm apart: only the phases differ."""
    turn = np.exp(2j * np.pi * np.linspace(0, 4_000, FE.bins) * 1e-4)
    return np.array([[np.ones(FE.bins), turn], [turn, np.ones(FE.bins)]], np.complex64)


def guessed(true: FloatArray, seed: int) -> FloatArray:
    """Return masks that favour the right player in three cells of four."""
    right = np.random.default_rng(seed).random(true.shape[1:]) < 0.75
    first = np.where((true[0] > 0.5) == right, 0.65, 0.25)
    return np.stack([first, 0.9 - first]).astype(np.float32)


def wrong(shares: FloatArray, true: FloatArray, spectra: ComplexArray) -> float:
    """Return the error of the shares as a part of the sound's energy."""
    energy = np.square(np.abs(spectra)).sum(axis=0)
    return float((np.square(shares - true) * energy).sum() / (2 * energy.sum()))


def test_guesses_become_right_in_a_room() -> None:
    for seed in range(4):
        true, spectra = scene(seed, room(seed))
        shares = guessed(true, seed)
        before, after = (wrong(s, true, spectra) for s in (shares, phased(shares, spectra, FE)))
        assert after < 0.5 * before


def test_delays_alone_tell_players_apart() -> None:
    true, spectra = scene(0, delays())
    shares = guessed(true, 0)
    after = wrong(phased(shares, spectra, FE), true, spectra)
    assert after < 0.5 * wrong(shares, true, spectra)


def test_one_region_gains_from_it_too() -> None:
    true, spectra = scene(0, room(0))
    alone = guessed(true, 0)[:1]
    after = wrong(phased(alone, spectra, FE), true[:1], spectra)
    assert after < 0.6 * wrong(alone, true[:1], spectra)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_it_is_for_two_channels(channels: int) -> None:
    true, _ = scene(0, room(0))
    shares = guessed(true, 0)
    spectra = noise(np.random.default_rng(0), channels, *SHAPE)
    assert phased(shares, spectra, FE) is shares


@pytest.mark.parametrize("second", [1.0, 0.3, -1.0, 1j, 0.0])
def test_players_in_one_place_are_left_as_they_are(second: complex) -> None:
    ways = np.ones((2, 2, FE.bins), np.complex64)
    ways[1] *= second
    true, spectra = scene(0, ways)
    shares = guessed(true, 0)
    np.testing.assert_allclose(phased(shares, spectra, FE), shares, atol=5e-3)


def test_silence_is_divided_as_it_was() -> None:
    shares = compete(np.random.default_rng(0).random((2, FE.rows, FE.frames), np.float32))
    np.testing.assert_array_equal(phased(shares, np.zeros((2, *SHAPE), np.complex64), FE), shares)


@given(
    regions=st.integers(1, 4),
    seed=st.integers(0, 999),
    level=st.sampled_from([1e-38, 1e-20, 1e-6, 1.0, 1e4]),
    silent=st.floats(0, 1),
    bins=st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_the_result_divides_the_sound(
    regions: int, seed: int, level: float, silent: float, bins: float
) -> None:
    rng = np.random.default_rng(seed)
    spectra = np.complex64(level) * noise(rng, 2, *SHAPE) ** 3
    spectra[:, :, rng.random(FE.frames) < silent] = 0
    spectra[:, rng.random(FE.bins) < bins] = 0
    shares = compete(rng.random((regions, FE.rows, FE.frames), np.float32))
    found = phased(shares, spectra, FE)
    assert found.shape == shares.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.sum(axis=0).max() <= 1 + 1e-5
    np.testing.assert_array_equal(found, phased(shares, spectra, FE))


def test_neither_order_nor_level_nor_a_common_phase_matters() -> None:
    true, spectra = scene(3, room(3))
    shares = guessed(true, 3)
    found = phased(shares, spectra, FE)
    np.testing.assert_allclose(phased(shares[::-1], spectra, FE)[::-1], found, atol=1e-4)
    np.testing.assert_allclose(phased(shares, spectra[::-1], FE), found, atol=1e-4)
    turned = (100j * spectra).astype(np.complex64)
    np.testing.assert_allclose(phased(shares, turned, FE), found, atol=1e-3)
