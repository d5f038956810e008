"""Reading gains, merging them, and their course over time."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.errors import UsageError
from pixelmix.mix.gain_options import GainOption, parse_gain
from pixelmix.mix.gains import FADE_SECONDS, gain_curve, is_unity, merge_gains
from pixelmix.types import FloatArray, Gain, GainSpan

RATE = 8000
levels = st.floats(0, 4, width=32)
times = st.integers(0, 3_600_000).map(lambda milliseconds: milliseconds / 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("violin=0.2", GainOption("violin", 0.2)),
        ("violin=2", GainOption("violin", 2.0)),
        ("violin=.5", GainOption("violin", 0.5)),
        ("violin=mute", GainOption("violin", 0.0)),
        ("violin=MUTE", GainOption("violin", 0.0)),
        ("violin=solo", GainOption("violin", 1.0, solo=True)),
        ("violin=0dB", GainOption("violin", 1.0)),
        ("violin=-20dB", GainOption("violin", 0.1)),
        ("violin=+20 db", GainOption("violin", 10.0)),
        ("left violin = 0.5 ", GainOption("left violin", 0.5)),
        ("a=1@0:10-0:25", GainOption("a", 1.0, 10.0, 25.0)),
        ("a=1@10-25", GainOption("a", 1.0, 10.0, 25.0)),
        ("a=1@1:02:03.5-2:00:00", GainOption("a", 1.0, 3723.5, 7200.0)),
        ("a=mute@90-", GainOption("a", 0.0, 90.0, math.inf)),
        ("a=-6dB@0.5 - .75", GainOption("a", 10 ** (-6 / 20), 0.5, 0.75)),
        ("a=solo@90:00-", GainOption("a", 1.0, 5400.0, math.inf, solo=True)),
        ("rest=0", GainOption("rest", 0.0)),
    ],
)
def test_forms(text: str, expected: GainOption) -> None:
    parsed = parse_gain(text)
    assert parsed.gain == pytest.approx(expected.gain)
    assert (parsed.name, parsed.start, parsed.end, parsed.solo) == (
        expected.name,
        expected.start,
        expected.end,
        expected.solo,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "violin",
        "=0.5",
        " =0.5",
        "violin=",
        "violin=loud",
        "violin=-0.5",
        "violin=nan",
        "violin=inf",
        "violin=-inf",
        "violin=infdB",
        "violin=-infdB",
        "violin=nandB",
        "violin=1e3",
        "violin=1_0",
        "violin=0x10",
        "violin=½",
        "violin=٣",
        "violin=dB",
        "violin=1001",
        "violin=61dB",
        "violin=999999dB",
        "violin=mutedB",
        "violin=1=2",
        "violin=1@",
        "violin=1@10",
        "violin=1@-",
        "violin=1@-5-10",
        "violin=1@10-10",
        "violin=1@25-10",
        "violin=1@1:75-2:00",
        "violin=1@1:60:00-2:00:00",
        "violin=1@1:2:3:4-",
        "violin=1@1.5:00-",
        "violin=1@a-b",
        "violin=1@nan-",
        "violin=1@0-inf",
        "violin=1@0-1@2-3",
        "violin=@0-1",
    ],
)
def test_rejected_with_a_way_out(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_gain(text)
    message = str(caught.value)
    assert "\n" not in message
    assert "write " in message or "smaller" in message or "swap" in message or "59" in message


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        option = parse_gain(text)
    except UsageError:
        return
    assert option.name
    assert 0 <= option.gain <= 1000
    assert 0 <= option.start < option.end


@given(st.from_regex(r"[\w][\w .-]{0,10}", fullmatch=True), st.floats(0, 1000))
def test_linear_round_trip(name: str, gain: float) -> None:
    option = parse_gain(f"{name}={gain:.12f}")
    assert option.name == name.strip()
    assert option.gain == pytest.approx(gain, abs=1e-12)


@given(st.floats(-200, 60))
def test_level_round_trip(level: float) -> None:
    gain = parse_gain(f"a={level:.9f}dB").gain
    assert 20 * math.log10(gain) == pytest.approx(level, abs=1e-6)


def clock(seconds: float, form: int) -> str:
    milliseconds = round(seconds * 1000)
    rest, fraction = milliseconds // 1000, milliseconds % 1000
    if form == 0:
        return f"{rest}.{fraction:03d}"
    if form == 1:
        return f"{rest // 60}:{rest % 60:02d}.{fraction:03d}"
    return f"{rest // 3600}:{rest // 60 % 60:02d}:{rest % 60:02d}.{fraction:03d}"


@given(times, times, st.integers(0, 2), st.integers(0, 2))
def test_times_round_trip(first: float, second: float, form: int, other: int) -> None:
    start, end = min(first, second), max(first, second) + 1
    option = parse_gain(f"a=1@{clock(start, form)}-{clock(end, other)}")
    assert option.start == pytest.approx(start, abs=1e-9)
    assert option.end == pytest.approx(end, abs=1e-9)


def merged(*texts: str, names: tuple[str, ...] = ("a", "b", "c")) -> dict[str, Gain]:
    gains = merge_gains([parse_gain(text) for text in texts], names)
    return {gain.name: gain for gain in gains}


def test_several_gains_of_one_name_are_one() -> None:
    gains = merged("a=0.5", "a=mute@10-20", "b=2", "a=0.7@30-", "a=0.6")
    assert gains["a"] == Gain("a", 0.6, (GainSpan(0.0, 10, 20), GainSpan(0.7, 30, math.inf)))
    assert gains["b"] == Gain("b", 2.0)
    assert set(gains) == {"a", "b"}


def test_what_changes_nothing_is_left_out() -> None:
    assert merged("a=1", "b=0dB", "c=1@5-6", "rest=1") == {}
    assert merged() == {}


def test_solo_silences_all_others() -> None:
    gains = merged("b=solo")
    assert gains == {name: Gain(name, 0.0) for name in ("a", "c", "rest")}
    gains = merged("b=solo", "a=solo", "c=0.5", "b=0.5")
    assert gains == {"b": Gain("b", 0.5), "c": Gain("c", 0.0), "rest": Gain("rest", 0.0)}
    assert set(merged("rest=solo")) == {"a", "b", "c"}


def test_solo_within_a_span() -> None:
    gains = merged("a=solo@10-30", "b=solo@20-40")
    assert gains["c"].spans == (GainSpan(0.0, 10, 30), GainSpan(0.0, 20, 40))
    assert gains["a"].spans[-1] == GainSpan(0.0, 30, 40)
    assert GainSpan(0.0, 10, 20) in gains["b"].spans
    curve = gain_curve(gains["a"], 0, 50 * RATE, RATE)
    assert curve[15 * RATE] == curve[25 * RATE] == curve[45 * RATE] == 1
    assert curve[35 * RATE] == 0


@pytest.mark.parametrize("name", ["d", "A", "region1"])
def test_unknown_names_are_answered_with_the_known(name: str) -> None:
    with pytest.raises(UsageError, match=r"no region named .*: a, b, c, rest$"):
        merged(f"{name}=0.5")


def curve_of(*spans: tuple[float, float, float], base: float = 1.0) -> FloatArray:
    gain = Gain("a", base, tuple(GainSpan(*span) for span in spans))
    return gain_curve(gain, 0, 10 * RATE, RATE)


def test_fades_lie_inside_the_span() -> None:
    curve = curve_of((0.0, 2.0, 3.0))
    assert curve.dtype == np.float32
    fade = round(FADE_SECONDS * RATE)
    start, end = 2 * RATE, 3 * RATE
    assert (curve[: start + 1] == 1).all()
    assert (curve[end:] == 1).all()
    assert (curve[start + fade : end - fade + 1] == 0).all()
    np.testing.assert_allclose(curve[start : start + fade], 1 - np.arange(fade) / fade, atol=1e-6)
    np.testing.assert_allclose(curve[end - fade : end], np.arange(fade) / fade, atol=1e-6)


def test_spans_at_the_very_ends_have_no_fade_there() -> None:
    curve = curve_of((0.25, 0.0, 2.0), (0.5, 5.0, math.inf))
    assert curve[0] == 0.25
    assert curve[-1] == 0.5
    assert gain_curve(Gain("a", 1.0, (GainSpan(0.5, 5, math.inf),)), 10**12, 4, RATE)[-1] == 0.5


def test_spans_that_meet_do_not_touch_the_base() -> None:
    curve = curve_of((0.5, 1.0, 2.0), (0.25, 2.0, 3.0))
    inside = curve[RATE + 200 : 3 * RATE - 200]
    assert inside.min() >= 0.25
    assert inside.max() <= 0.5
    assert curve[2 * RATE] == pytest.approx(0.375)


def test_later_spans_hold_where_they_overlap() -> None:
    curve = curve_of((0.0, 1.0, 5.0), (0.5, 2.0, 3.0))
    assert (curve[round(1.5 * RATE)], curve[round(2.5 * RATE)], curve[4 * RATE]) == (0, 0.5, 0)


def test_short_spans_fade_in_half_their_length() -> None:
    curve = curve_of((0.0, 1.0, 1.01))
    assert curve.min() == pytest.approx(0.0, abs=1e-6)
    assert curve[round(1.005 * RATE)] == curve.min()


spans = st.tuples(levels, times.map(lambda t: t % 10), st.floats(0.001, 5)).map(
    lambda values: GainSpan(values[0], values[1], values[1] + values[2])
)
gains = st.builds(Gain, st.just("a"), levels, st.lists(spans, max_size=4).map(tuple))


@given(gains)
@settings(deadline=None)
def test_curves_are_continuous_and_within_their_levels(gain: Gain) -> None:
    curve = gain_curve(gain, 0, 16 * RATE, RATE)
    steps = [gain.base, *(span.gain for span in gain.spans)]
    assert curve.min() >= min(steps) - 1e-6
    assert curve.max() <= max(steps) + 1e-6
    edges = sorted({t for span in gain.spans for t in (span.start, span.end)})
    shortest = min([b - a for a, b in pairwise(edges)], default=1.0)
    steepest = (max(steps) - min(steps)) / min(FADE_SECONDS, shortest / 2)
    assert np.abs(np.diff(curve)).max() <= steepest / RATE + 1e-5


@given(gains, st.lists(st.integers(0, 3 * RATE), max_size=4))
@settings(deadline=None)
def test_curves_do_not_depend_on_blocks(gain: Gain, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), 3 * RATE]
    parts = [gain_curve(gain, start, stop - start, RATE) for start, stop in pairwise(bounds)]
    np.testing.assert_array_equal(np.concatenate(parts), gain_curve(gain, 0, 3 * RATE, RATE))


@given(gains)
def test_unity_is_a_curve_of_ones(gain: Gain) -> None:
    if is_unity(gain):
        assert (gain_curve(gain, 0, 100, RATE) == 1).all()
    assert is_unity(Gain("a", 1.0, (GainSpan(1.0, 2, 3),)))
    assert not is_unity(Gain("a", 1.0, (GainSpan(0.5, 2, 3),)))
    assert not is_unity(Gain("a", 0.5))
