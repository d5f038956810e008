import numpy as np
import pytest

from pixelmix.drawing.canvas import GREY, PANEL
from pixelmix.drawing.sounds import loudness_heights, spectrogram, strip

BLUE, ORANGE = (46, 94, 255), (218, 119, 45)


def test_hue_says_whose_sound_it_is_and_brightness_how_loud() -> None:
    levels = np.array([[0.0, -20.0, -40.0, -90.0]] * 3, np.float32)
    weights = np.zeros((2, 3, 4), np.float32)
    weights[0, 0] = weights[1, 1] = 1.0
    top, middle, bottom = spectrogram(levels, weights, [BLUE, ORANGE]).astype(float)
    for row in (top, middle, bottom):
        assert (np.diff(row.sum(axis=1)) < 0).all()
        np.testing.assert_array_equal(row[-1], PANEL)
    # Rows are low to high, the picture's first is the highest: the rest, then orange, then blue.
    assert np.ptp(top[1]) < 15
    assert middle[1].argmax() == 0
    assert bottom[1].argmax() == 2


def test_what_is_shared_is_mixed_and_what_exceeds_one_is_brought_down() -> None:
    levels = np.full((1, 2), -19.6, np.float32)
    levels[0, 1] = 0.0
    weights = np.array([[[0.5, 0.5]], [[0.5, 0.5]]], np.float32)
    mixed = spectrogram(levels, weights, [BLUE, ORANGE])[0, 0]
    np.testing.assert_allclose(mixed, (np.array(BLUE) + ORANGE) / 2, atol=1)
    np.testing.assert_array_equal(spectrogram(levels, 4 * weights, [BLUE, ORANGE])[0, 0], mixed)


@pytest.mark.parametrize("level", [-np.inf, np.nan, -200.0])
def test_silence_is_dark(level: float) -> None:
    levels = np.full((4, 5), level, np.float32)
    drawn = spectrogram(levels, np.zeros((0, 4, 5), np.float32), [])
    assert (drawn == PANEL).all()
    assert not loudness_heights(levels, 10).any()


def test_loudness_is_relative_to_the_loudest_of_all() -> None:
    loudness = np.array([[-10.0, -35.0], [-60.0, -np.inf]], np.float32)
    np.testing.assert_allclose(loudness_heights(loudness, 2), [[1, 0.5], [0, 0]], atol=1e-6)


def test_a_short_sound_is_kept_in_a_column_of_many_steps() -> None:
    loudness = np.full((2, 100_000), -80.0, np.float32)
    loudness[1, 77_777] = -3.0
    heights = loudness_heights(loudness, 700)
    assert heights.shape == (2, 700)
    assert heights[1].sum() == heights[1, 77_777 * 700 // 100_000] == 1


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_few_steps_fill_all_columns(steps: int) -> None:
    heights = loudness_heights(np.full((3, steps), -3.0, np.float32), 50)
    assert heights.shape == (3, 50)
    assert (heights == float(steps > 0)).all()


def test_a_strip_is_as_high_as_the_sound_is_loud_with_bars_while_it_counts() -> None:
    heights = np.array([1.0, 0.5, 0.5, 0.0], np.float32)
    drawn = strip(heights, [(0, 2)], 40, BLUE)
    assert drawn.shape == (40, 4, 3)
    pure = (drawn == BLUE).all(axis=2)
    assert pure[:34, 0].all()
    assert pure[17:34, 1].all()
    assert not pure[:17, 1].any()
    assert not pure[:, 2:].any()
    assert pure[36:, :2].all()
    assert (drawn[20, 2] != PANEL).any()
    assert (drawn[:, 3] == PANEL).all()


def test_a_strip_without_times_is_all_strong_and_has_no_bars() -> None:
    drawn = strip(np.ones(3, np.float32), None, 40, GREY)
    assert (drawn[:34] == GREY).all()
    assert (drawn[34:] == PANEL).all()
