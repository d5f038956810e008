import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.dsp.nmf import unexplained, update_activations, update_spectra
from pixelmix.types import FloatArray


def factors(seed: int, rows: int, parts: int, frames: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.1, 1.0, (rows, parts)).astype(np.float32)
    return w, rng.uniform(0.1, 1.0, (parts, frames)).astype(np.float32)


def divergence(v: FloatArray, w: FloatArray, h: FloatArray) -> float:
    modelled = (w @ h).astype(np.float64)
    return float(np.sum(v * np.log(v / modelled) - v + modelled))


@given(st.integers(0, 999), st.integers(2, 12), st.integers(1, 5), st.integers(2, 12))
def test_no_update_raises_the_divergence(seed: int, rows: int, parts: int, frames: int) -> None:
    v = np.random.default_rng(seed).uniform(0.1, 2.0, (rows, frames)).astype(np.float32)
    w, h = factors(seed + 1, rows, parts, frames)
    before = divergence(v, w, h)
    for update in (update_activations, update_spectra) * 3:
        update(v, w, h)
        after = divergence(v, w, h)
        assert after <= before + 1e-4
        before = after


def test_true_factors_stay() -> None:
    w, h = factors(0, 8, 3, 10)
    v = w @ h
    own_w, own_h = w.copy(), h.copy()
    update_activations(v, own_w, own_h)
    update_spectra(v, own_w, own_h)
    np.testing.assert_allclose(own_w, w, rtol=1e-5)
    np.testing.assert_allclose(own_h, h, rtol=1e-5)
    np.testing.assert_allclose(unexplained(v, w, h), 1.0, rtol=1e-5)


def test_silence_is_no_division_by_zero() -> None:
    w, h = factors(0, 4, 2, 5)
    update_activations(np.zeros((4, 5), np.float32), w, h)
    update_spectra(np.zeros((4, 5), np.float32), w, h)
    assert np.isfinite(w).all()
    assert not h.any()
