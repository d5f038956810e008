"""The new sum is the formula, and is the original where nothing changes."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.gain_options import parse_gain
from pixelmix.mix.gains import FADE_SECONDS, gain_curve, merge_gains, remix
from pixelmix.types import FloatArray, Gain, GainSpan, StemBlock

RATE = 8000
NAMES = ("a", "b")


def block_of(samples: int, seed: int = 0, channels: int = 2) -> StemBlock:
    random = np.random.default_rng(seed)
    original = random.standard_normal((channels, samples), dtype=np.float32)
    masks = random.dirichlet([1, 1, 1], size=samples).T.astype(np.float32)[:2, None]
    return StemBlock(original, masks * original)


@given(
    st.lists(st.floats(0, 2, width=32), min_size=6, max_size=6),
    st.integers(0, 4 * RATE),
    st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_formula(levels: list[float], start: int, seed: int) -> None:
    block = block_of(3000, seed)
    gains = [
        Gain(name, levels[2 * i], (GainSpan(levels[2 * i + 1], 1.0, 2.0),))
        for i, name in enumerate((*NAMES, "rest"))
    ]
    first, second, rest = (gain_curve(gain, start, 3000, RATE).astype(float) for gain in gains)
    x, stems = block.samples.astype(float), block.stems.astype(float)
    expected = (
        x
        + (first - 1) * stems[0]
        + (second - 1) * stems[1]
        + (rest - 1) * (x - stems[0] - stems[1])
    )
    out = remix(block, NAMES, gains, RATE, start)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected, atol=5e-6)


def test_nothing_changed_is_bit_identical() -> None:
    block = block_of(1000)
    unity = [Gain("a", 1.0), Gain("rest", 1.0, (GainSpan(1.0, 0.01, 0.05),))]
    for gains in ([], unity):
        out = remix(block, NAMES, gains, RATE, 0)
        np.testing.assert_array_equal(out, block.samples)
        assert not np.shares_memory(out, block.samples)


def test_outside_a_span_is_bit_identical() -> None:
    block = block_of(8000)
    gain = Gain("a", 1.0, (GainSpan(0.0, 0.25, 0.5),))
    out = remix(block, NAMES, [gain], RATE, 0)
    np.testing.assert_array_equal(out[:, :2000], block.samples[:, :2000])
    np.testing.assert_array_equal(out[:, 4001:], block.samples[:, 4001:])


fades = st.builds(
    lambda gain, start, length: GainSpan(gain, start, start + length),
    st.floats(0, 1, width=32),
    st.integers(0, 900).map(lambda n: n / 1000),
    st.integers(50, 500).map(lambda n: n / 1000),
)


def steepest(spans: list[GainSpan]) -> float:
    """Return the greatest change of the gain from one sample to the next."""
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    shortest = min([b - a for a, b in pairwise(edges)], default=1.0)
    return 1 / (min(FADE_SECONDS, shortest / 2) * RATE)


@given(st.lists(fades, max_size=4), st.lists(fades, max_size=4), st.floats(50, 400))
@settings(max_examples=40, deadline=None)
def test_fades_make_no_clicks(first: list[GainSpan], rest: list[GainSpan], hertz: float) -> None:
    """From one sample to the next no more changes than the sound itself and a fade's slope do."""
    time = np.arange(2 * RATE) / RATE
    stem = 0.4 * np.sin(2 * np.pi * hertz * time).astype(np.float32)
    other = 0.4 * np.cos(2 * np.pi * 1.5 * hertz * time).astype(np.float32)
    block = StemBlock((stem + other)[None], stem[None, None])
    gains = [Gain("a", 1.0, tuple(first)), Gain("rest", 1.0, tuple(rest))]
    out = remix(block, ("a",), gains, RATE, 0)[0]
    steps = sum(
        np.abs(np.diff(part)).max() + 0.4 * steepest(spans)
        for part, spans in ((stem, first), (other, rest))
    )
    assert np.abs(np.diff(out)).max() <= steps + 1e-5


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a=solo"], lambda block: block.stems[0]),
        (["a=mute"], lambda block: block.samples - block.stems[0]),
        (["rest=mute"], lambda block: block.stems.sum(axis=0)),
        (["rest=solo"], lambda block: block.rest),
        (["a=0", "b=0", "rest=0"], lambda block: 0 * block.samples),
        (["a=0.5", "b=0.5", "rest=0.5"], lambda block: 0.5 * block.samples),
    ],
)
def test_what_the_words_mean(texts: list[str], expected: Callable[[StemBlock], FloatArray]) -> None:
    block = block_of(500)
    gains = merge_gains([parse_gain(text) for text in texts], NAMES)
    np.testing.assert_allclose(
        remix(block, NAMES, gains, RATE, 0), expected(block), rtol=0, atol=1e-6
    )


def test_no_regions_leaves_rest() -> None:
    block = StemBlock(block_of(100).samples, np.zeros((0, 2, 100), dtype=np.float32))
    np.testing.assert_array_equal(remix(block, (), [], RATE, 0), block.samples)
    np.testing.assert_array_equal(block.rest, block.samples)
    assert not remix(block, (), [Gain("rest", 0.0)], RATE, 0).any()
