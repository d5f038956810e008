"""How loud regions are over time, told from masks as they pass."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.course import Course
from pixelmix.types import FloatArray

FRAME = 0.025
ROWS = 6
Sound = tuple[FloatArray, FloatArray, FloatArray]


def made(frames: int, regions: int = 2, seed: int = 0) -> Sound:
    """Masks whose sum is at most one, magnitudes and levels."""
    random = np.random.default_rng(seed)
    masks = random.dirichlet(np.ones(regions + 1), (ROWS, frames))[..., :-1]
    magnitude = random.uniform(0.01, 2.0, (ROWS, frames))
    level = np.square(magnitude).mean(axis=0) / 10
    return (
        np.moveaxis(masks, -1, 0).astype(np.float32),
        magnitude.astype(np.float32),
        level.astype(np.float32),
    )


def course_of(sound: Sound, cuts: list[int] | None = None) -> Course:
    masks, magnitude, level = sound
    course = Course(len(masks), FRAME)
    edges = [0, *sorted(cuts or []), magnitude.shape[1]]
    for start, stop in pairwise(edges):
        course.add(masks[..., start:stop], magnitude[:, start:stop], level[start:stop])
    return course


def blinking(frames: int, on: list[tuple[int, int]], quiet: float = 0.0) -> Sound:
    """One region has all the sound in these frames, and there is none elsewhere."""
    level = np.full(frames, quiet, np.float32)
    for start, stop in on:
        level[start:stop] = 0.01
    masks = np.ones((1, ROWS, frames), np.float32)
    return masks, np.repeat(np.sqrt(level)[None], ROWS, axis=0), level


@given(frames=st.integers(1, 60), seed=st.integers(0, 99), data=st.data())
@settings(max_examples=40, deadline=None)
def test_it_does_not_matter_how_frames_are_cut(frames: int, seed: int, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, frames), max_size=5))
    sound = made(frames, seed=seed)
    one, other = course_of(sound), course_of(sound, cuts)
    assert np.array_equal(one.shares(), other.shares())
    assert np.array_equal(one.loudness(), other.loudness())
    for mine, its in zip(one.spectrogram(), other.spectrogram(), strict=True):
        assert np.array_equal(mine, its)
    assert one.spans(1.0) == other.spans(1.0)


@given(frames=st.integers(1, 60), regions=st.integers(0, 4), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_shares_sum_to_one_and_loudness_to_the_sound(frames: int, regions: int, seed: int) -> None:
    sound = made(frames, regions, seed)
    course = course_of(sound)
    assert course.shares().shape == (regions + 1,)
    assert course.shares().sum() == pytest.approx(1.0, abs=1e-5)
    power = 10 ** (course.loudness().astype(np.float64) / 10)
    assert power.shape == (regions + 1, -(-frames // 4))
    counts = np.diff([*range(0, frames, 4), frames])
    assert (power.sum(axis=0) * counts).sum() == pytest.approx(sound[2].sum(), rel=1e-3)
    mixture, parts = course.spectrogram()
    assert mixture.shape == (ROWS, len(counts))
    assert parts.shape == (regions, ROWS, len(counts))
    assert parts.min(initial=0.0) >= 0
    assert parts.sum(axis=0).max() <= 1 + 1e-5


def test_a_region_that_has_all_has_all() -> None:
    course = course_of(blinking(40, [(0, 40)]))
    np.testing.assert_allclose(course.shares(), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(course.loudness()[0], -20.0, atol=1e-3)
    assert course.loudness()[1].max() <= -100
    np.testing.assert_allclose(course.spectrogram()[1], 1.0)


def test_long_sounds_get_longer_steps_and_lose_nothing() -> None:
    frames = 24_001
    sound = made(frames, regions=1)
    course = course_of(sound, [7_000, 20_001])
    steps = course.loudness().shape[1]
    assert 1_200 <= steps <= 2_400
    assert course.step * (steps - 1) <= frames * FRAME <= course.step * steps
    masks, magnitude, _ = sound
    energy = np.square(np.concatenate([masks, 1 - masks])) * np.square(magnitude)
    wanted = energy.sum(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(course.shares(), wanted / wanted.sum(), rtol=1e-4)


@pytest.mark.parametrize("doublings", range(2))
def test_there_are_never_more_than_twice_as_many_steps(doublings: int) -> None:
    frames = 9_600 * 2**doublings
    course = course_of(blinking(frames, [(0, frames)]))
    assert course.loudness().shape[1] == 1_200
    course.add(*(part[..., :-1] for part in blinking(frames + 1, [(0, frames)])))
    assert course.loudness().shape[1] <= 2_400


def test_spans_are_when_a_region_sounds() -> None:
    course = course_of(blinking(400, [(40, 120), (200, 320)]))
    assert course.spans(0.0) == (((1.0, 3.0), (5.0, 8.0)),)
    assert course.spans(2.5) == (((3.5, 5.5), (7.5, 10.5)),)


def test_short_pauses_are_bridged_and_short_sounds_left_out() -> None:
    course = course_of(blinking(400, [(40, 80), (88, 160), (200, 204)]))
    assert course.spans(0.0) == (((1.0, 4.0),),)


@pytest.mark.parametrize("frames", [41, 43, 9_601, 9_999, 30_002])
def test_spans_end_with_the_sound(frames: int) -> None:
    """Also where the last step is longer than what is left."""
    ((span,),) = course_of(blinking(frames, [(0, frames)])).spans(0.0)
    assert span[0] == 0.0
    assert span[1] == pytest.approx((frames - 1) * FRAME, abs=1e-3)


def test_what_is_under_another_sound_does_not_sound() -> None:
    masks = np.zeros((2, ROWS, 80), np.float32)
    masks[0], masks[1] = 0.99, 0.01
    level = np.full(80, 0.01, np.float32)
    course = course_of((masks, np.full((ROWS, 80), 0.1, np.float32), level))
    (first,), second = course.spans(0.0)
    assert first[0] == 0.0
    assert second == ()


def test_silence_has_no_spans() -> None:
    assert course_of(blinking(200, [], quiet=1e-8)).spans(0.0) == ((),)


def test_nothing_heard_is_nothing_said() -> None:
    course = Course(2, FRAME)
    assert course.spans(0.0) == ((), ())
    assert not course.shares().any()
    assert course.loudness().shape == (3, 0)
    mixture, parts = course.spectrogram()
    assert mixture.shape[1] == parts.shape[2] == 0
