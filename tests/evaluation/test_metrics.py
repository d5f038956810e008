import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.dsp.stft import istft, stft
from pixelmix.evaluation.metrics import LIMIT, TAPS, Scores, Truths, si_sdr

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from mir_eval.separation import bss_eval_sources

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
RATE = 11_025


def noise(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def notes(sources: int, samples: int, seed: int = 0) -> Array:
    """Plucked notes with partials: narrow in band, with gaps, as music is."""
    random = np.random.default_rng(seed)
    t = np.arange(samples) / RATE
    waves = np.zeros((sources, samples))
    for i in range(sources):
        for start in np.sort(random.uniform(0, t[-1] - 0.1, 6)):
            age = np.maximum(t - start, 0)
            hertz = 110 * 2 ** (random.integers(0, 36) / 12)
            tone = sum(np.sin(2 * np.pi * hertz * n * age) / n for n in range(1, 6))
            waves[i] += tone * np.exp(-4 * age) * (t >= start)
    return waves + 1e-4 * random.normal(size=waves.shape)


def masked(waves: Array) -> Array:
    """Stems as ratio masks make them."""
    parts = np.abs(stft(waves.astype(np.float32), 512, 128))
    masks = parts / (parts.sum(axis=0) + 1e-9)
    mixture = stft(waves.sum(axis=0).astype(np.float32), 512, 128)
    return istft(masks * mixture, 512, 128, waves.shape[1]).astype(np.float64)


def reference(truths: Array, stems: Array) -> Scores:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        sdr, sir, sar, _ = bss_eval_sources(truths, stems, compute_permutation=False)
    return Scores(sdr, sir, sar)


def assert_same(found: Scores, wanted: Scores) -> None:
    for name in ("sdr", "sir", "sar"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=0.01)


@pytest.mark.parametrize("sources", [2, 3])
def test_equal_to_mir_eval_on_noise(sources: int) -> None:
    truths = noise(sources, 9_000)
    stems = truths + 0.5 * truths[::-1] + 0.2 * noise(sources, 9_000, seed=1)
    assert_same(Truths(truths).judge(stems), reference(truths, stems))


def test_equal_to_mir_eval_on_correlated_sources() -> None:
    common, own = noise(20_000), noise(2, 20_000, seed=1)
    truths = own + 0.7 * np.convolve(common, [1.0, -0.4, 0.2])[:20_000]
    stems = truths + 0.3 * truths[::-1] + 0.1 * noise(2, 20_000, seed=2)
    assert_same(Truths(truths).judge(stems), reference(truths, stems))


@pytest.mark.parametrize("sources", [2, 3])
def test_equal_to_mir_eval_on_masked_music(sources: int) -> None:
    truths = notes(sources, 20_000)
    stems = masked(truths)
    assert_same(Truths(truths).judge(stems), reference(truths, stems))


def test_equal_to_mir_eval_on_a_window_of_the_model() -> None:
    truths = notes(2, 65_535, seed=3)
    judge, stems = Truths(truths), masked(truths)
    assert_same(judge.judge(stems), reference(truths, stems))
    # The factorisation serves other estimates: here the wrong way round.
    assert_same(judge.judge(stems[::-1]), reference(truths, stems[::-1]))


def test_parts_are_orthogonal() -> None:
    # One over SDR, as energies, is then the sum of interference and artifacts over the target.
    scores = Truths(notes(3, 20_000)).judge(masked(notes(3, 20_000)))
    interference = 10 ** (-scores.sir / 10)
    artifacts = 10 ** (-scores.sar / 10) * (1 + interference)
    np.testing.assert_allclose(10 ** (-scores.sdr / 10), interference + artifacts, rtol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.floats(-60, 60), st.booleans())
def test_level_and_sign_do_not_matter(decibels: float, flipped: bool) -> None:
    gain = 10 ** (decibels / 20) * (-1 if flipped else 1)
    truths = noise(2, 4_000)
    stems = truths + 0.4 * noise(2, 4_000, seed=1)
    judge = Truths(truths)
    assert_same(judge.judge(gain * stems), judge.judge(stems))
    np.testing.assert_allclose(si_sdr(truths, gain * stems), si_sdr(truths, stems), atol=1e-6)


def test_the_truth_itself_is_at_the_limit() -> None:
    truths = notes(2, 10_000)
    scores = Truths(truths).judge(truths)
    for figures in (scores.sdr, scores.sir, scores.sar, si_sdr(truths, truths)):
        np.testing.assert_allclose(figures, LIMIT)


def test_short_filters_are_forgiven_and_long_delays_are_not() -> None:
    truths = noise(2, 8_000)
    truths[:, -1_000:] = 0.0
    judge = Truths(truths)
    assert judge.judge(np.roll(truths, TAPS - 1, axis=1)).sdr.min() > 90
    assert judge.judge(np.roll(truths, TAPS, axis=1)).sdr.max() < 0
    assert si_sdr(truths, np.roll(truths, 1, axis=1)).max() < 0


def test_another_source_is_interference_and_noise_is_artifact() -> None:
    truths = noise(2, 20_000)
    scores = Truths(truths).judge(
        np.stack([truths[0] + 0.1 * truths[1], truths[1] + 0.1 * noise(20_000, seed=9)])
    )
    np.testing.assert_allclose(scores.sir[0], 20, atol=0.3)
    assert scores.sar[0] > 80
    # What fits 512 taps by chance comes off the noise.
    np.testing.assert_allclose(scores.sar[1], 20, atol=0.5)
    assert scores.sir[1] > 30


def test_linearly_dependent_truths_have_figures() -> None:
    wave = notes(1, 8_000)[0]
    scores = Truths(np.stack([wave, 0.5 * wave])).judge(np.stack([wave, noise(8_000)]))
    assert scores.sdr[0] > 60
    assert np.all(np.isfinite(scores.sdr))


def test_a_silent_stem_has_no_figures_and_spoils_no_other() -> None:
    truths = noise(2, 4_000)
    stems = np.stack([np.zeros(4_000), truths[1] + 0.1 * truths[0]])
    scores = Truths(truths).judge(stems)
    assert np.isnan([scores.sdr[0], scores.sir[0], scores.sar[0]]).all()
    assert np.isfinite([scores.sdr[1], scores.sir[1], scores.sar[1]]).all()
    assert np.isnan(si_sdr(truths, stems)).tolist() == [True, False]


def test_a_silent_truth_and_a_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="silent"):
        Truths(np.stack([noise(4_000), np.zeros(4_000)]))
    with pytest.raises(ValueError, match="stems are"):
        Truths(noise(2, 4_000)).judge(noise(2, 4_001))


def test_si_sdr_is_the_stated_ratio() -> None:
    t = np.arange(RATE) / RATE
    truth, error = np.sin(2 * np.pi * 100 * t), 0.1 * np.cos(2 * np.pi * 300 * t)
    np.testing.assert_allclose(si_sdr(truth, 3 * truth + error), 20 * np.log10(30), atol=1e-6)
