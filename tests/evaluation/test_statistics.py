import numpy as np
import pytest

from pixelmix.evaluation.examples import Example
from pixelmix.evaluation.metrics import LIMIT, si_sdr
from pixelmix.evaluation.statistics import Judge, interval, row


@pytest.fixture(scope="module")
def example() -> Example:
    waves = np.random.default_rng(0).normal(0, 0.05, (2, 8_000)).astype(np.float32)
    return Example(("a", "b"), ("x", "y"), waves, ((), ()))


def test_the_mixture_gains_nothing_and_the_truth_much(example: Example) -> None:
    judge = Judge(example)
    mixture = np.stack([example.mixture] * 2)
    nsdr, _, sar, gain = judge.judge(mixture)
    np.testing.assert_allclose([nsdr, gain], 0, atol=1e-6)
    np.testing.assert_allclose(sar, LIMIT)
    best = judge.judge(example.waves)
    assert best[0].min() > 60
    assert best[3].min() > 60


def test_silence_counts_as_the_mixture(example: Example) -> None:
    silent = Judge(example).judge(np.zeros_like(example.waves))
    np.testing.assert_allclose(silent[0], 0, atol=1e-6)
    np.testing.assert_allclose(silent[3], 0, atol=1e-6)


def test_the_whisper_changes_no_other_figure(example: Example) -> None:
    stems = example.waves + 0.1 * example.waves[::-1]
    found = Judge(example).judge(stems)[3] + si_sdr(example.waves, example.mixture)
    np.testing.assert_allclose(found, si_sdr(example.waves, stems), atol=1e-3)


def test_an_interval_holds_the_mean_and_is_always_the_same() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, (50, 2))
    found = interval(values)
    assert found.low < found.mean < found.high
    assert found.mean == pytest.approx(values.mean())
    # 1.96 standard errors of the means of examples
    width = 2 * 1.96 * values.mean(axis=1).std() / np.sqrt(50)
    assert found.high - found.low == pytest.approx(width, rel=0.15)
    assert interval(values) == found


def test_an_interval_is_drawn_over_examples() -> None:
    # Stems of one example are equal here: twice as many of them tell nothing new.
    values = np.random.default_rng(0).normal(size=40)
    assert interval(values) == interval(np.stack([values, values], axis=1))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    found = [interval(random.normal(1.0, 1.0, 40)) for _ in range(200)]
    assert 0.88 < np.mean([one.low < 1.0 < one.high for one in found]) <= 1.0


def test_a_row_counts_stems_and_keeps_measures_apart() -> None:
    figures = [np.arange(4.0)[:, None] * np.ones((4, 3)) + 0.1 * i for i in range(5)]
    found = row("method", "different", figures)
    assert (found.method, found.sources, found.pairing, found.stems) == (
        "method",
        3,
        "different",
        15,
    )
    means = [one.mean for one in (found.nsdr, found.sir, found.sar, found.si_sdr)]
    np.testing.assert_allclose(means, [0.2, 1.2, 2.2, 3.2])
