"""The timeline never loses its place: what comes out is contiguous and as long as it must be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.media.timeline import Timeline

RATE = 48_000


def pieces(
    timeline: Timeline, parts: list[tuple[int | None, int]]
) -> list[tuple[int, np.ndarray[tuple[int, int], np.dtype[np.float32]]]]:
    """Place ones of these lengths at these positions."""
    return [
        placed
        for position, length in parts
        for placed in timeline.place(position, np.ones((1, length), np.float32))
    ]


def total(placed: list[tuple[int, np.ndarray[tuple[int, int], np.dtype[np.float32]]]]) -> float:
    return float(sum(samples.sum() for _, samples in placed))


@given(
    steps=st.lists(st.tuples(st.integers(-3_000, 9_000), st.integers(1, 5_000)), max_size=30),
    known=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_pieces_join_without_hole_or_overlap(
    steps: list[tuple[int, int]], known: list[bool]
) -> None:
    timeline = Timeline(1, RATE, 1.0, None)
    position, parts = 0, []
    for (step, length), stated in zip(steps, known, strict=False):
        position = max(0, position + step)
        parts.append((position if stated else None, length))
        position += length
    placed = pieces(timeline, parts)
    ends = [begin + samples.shape[1] for begin, samples in placed]
    assert [begin for begin, _ in placed[1:]] == ends[:-1]
    offered = sum(length for _, length in parts)
    assert total(placed) == offered - timeline.trimmed_samples
    length_out = sum(samples.shape[1] for _, samples in placed)
    assert length_out == offered - timeline.trimmed_samples + timeline.bridged_samples
    if placed:
        assert timeline.end == ends[-1]


@given(jitter=st.lists(st.integers(-400, 400), min_size=2, max_size=50))
def test_a_jittery_clock_changes_nothing(jitter: list[int]) -> None:
    timeline = Timeline(1, RATE, 48.0, None)
    parts = [(1_024 * number + off, 1_024) for number, off in enumerate([0, *jitter])]
    placed = pieces(timeline, [(position, length) for position, length in parts])
    assert timeline.bridged_samples == timeline.trimmed_samples == 0
    assert total(placed) == 1_024 * len(parts)


@pytest.mark.parametrize(("position", "silence"), [(3_000, 2_000), (1_000, 0), (0, 0)])
def test_a_late_first_piece_follows_silence(position: int, silence: int) -> None:
    timeline = Timeline(1, RATE, 1.0, None, begin=1_000)
    placed = pieces(timeline, [(position, 5_000)])
    assert placed[0][0] == min(position, 1_000)
    assert timeline.bridged_samples == silence


def test_slack_is_left_alone() -> None:
    timeline = Timeline(1, RATE, 1.0, None, slack=500)
    pieces(timeline, [(0, 576), (576 + 448, 128), (704, 576), (1_280, 1_024)])
    assert timeline.bridged_samples == timeline.trimmed_samples == 0


def test_lost_packets_of_a_coarse_clock_are_whole() -> None:
    timeline = Timeline(1, RATE, 48.0, None)
    pieces(timeline, [(0, 1_024), (1_024, 1_024), (5 * 1_024 + 31, 1_024)])
    assert timeline.bridged_samples == 3 * 1_024


def test_a_clock_set_back_goes_on() -> None:
    timeline = Timeline(1, RATE, 1.0, None)
    hour = 3_600 * RATE
    placed = pieces(timeline, [(hour, 1_000), (0, 1_000), (1_000, 1_000), (3_000, 1_000)])
    assert [begin - hour for begin, _ in placed] == [0, 1_000, 2_000, 3_000, 4_000]
    assert timeline.bridged_samples == 1_000
    assert timeline.trimmed_samples == 0


def test_times_beyond_all_reason_are_not_bridged() -> None:
    timeline = Timeline(1, RATE, 1.0, limit=100_000)
    pieces(timeline, [(0, 1_000), (10**12, 1_000), (10**12 + 1_000, 1_000)])
    assert timeline.bridged_samples == 0
    assert timeline.end == 3_000


def test_long_silence_comes_in_pieces() -> None:
    timeline = Timeline(2, RATE, 1.0, None)
    placed = list(timeline.place(0, np.ones((2, 10), np.float32)))
    placed += list(timeline.place(600 * RATE, np.ones((2, 10), np.float32)))
    assert max(samples.shape[1] for _, samples in placed) <= 1 << 16
    assert timeline.bridged_samples == 600 * RATE - 10


@pytest.mark.parametrize("position", [500, 1_000, 5_000])
def test_the_end_is_filled_up(position: int) -> None:
    timeline = Timeline(1, RATE, 1.0, None)
    pieces(timeline, [(0, 1_000)])
    filled = sum(samples.shape[1] for _, samples in timeline.fill(position))
    assert filled == max(0, position - 1_000) == timeline.bridged_samples
