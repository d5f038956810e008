from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixelmix.train.compositions import MOST, Composer, View

SIDE = 64
CELLS = SIDE // 16
SEEDS = st.integers(0, 2**32)
# No two kinds share a colour, and scenes are black.
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def plain(number: int) -> Image.Image:
    colour = COLOURS[number] if number < len(COLOURS) else (0, 0, 0)
    return Image.new("RGB", (80, 64), colour)


def composer(
    load: Callable[[int], Image.Image] = plain, scenes: tuple[int, ...] = (7,)
) -> Composer:
    return Composer({"c": [2], "a": [0], "b": [1]}, scenes, load, SIDE)


def drawn(seed: int, draws: Composer | None = None) -> View:
    return (draws or composer()).draw(np.random.default_rng(seed))


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_view_says_what_it_shows(seed: int) -> None:
    view = drawn(seed)
    assert view.pixels.shape == (SIDE, SIDE, 3)
    assert view.pixels.dtype == np.uint8
    assert view.cells.shape == (MOST, CELLS, CELLS)
    there = view.kinds >= 0
    assert list(there) == sorted(there, reverse=True)
    assert len({int(kind) for kind in view.kinds[there]}) == there.sum()
    np.testing.assert_array_equal(view.cells.any(axis=(1, 2)), there)


def test_a_class_is_where_the_cells_say() -> None:
    """Colours tell kinds apart, whatever was done to the view afterwards."""
    right = total = 0
    for seed in range(80):
        view = drawn(seed)
        cells = view.pixels.reshape(CELLS, 16, CELLS, 16, 3).mean(axis=(1, 3))
        for kind, place in zip(view.kinds, view.cells, strict=True):
            if kind >= 0 and view.cells.any(axis=0).sum() < CELLS**2:
                inside, outside = cells[place], cells[~view.cells.any(axis=0)]
                hue = inside[:, kind] - inside.mean(axis=1)
                right += hue.max() > (outside[:, kind] - outside.mean(axis=1)).max()
                total += 1
    assert total > 30
    assert right >= 0.95 * total


def test_every_number_of_objects_is_drawn() -> None:
    counts = [int((drawn(seed).kinds >= 0).sum()) for seed in range(200)]
    assert set(counts) == {0, 1, 2, 3}


def test_without_scenes_a_view_has_objects_side_by_side_or_one_alone() -> None:
    draws = composer(scenes=())
    for seed in range(20):
        view = drawn(seed, draws)
        assert (view.kinds >= 0).sum() == 1
        assert view.cells[0].all()


@pytest.mark.parametrize("size", [(40, 300), (300, 40), (17, 17)])
def test_pictures_of_any_shape_are_taken(size: tuple[int, int]) -> None:
    draws = composer(lambda n: Image.new("RGB", size, COLOURS[n % 3]))
    for seed in range(40):
        assert drawn(seed, draws).pixels.shape == (SIDE, SIDE, 3)


def test_the_same_numbers_draw_the_same_view() -> None:
    first, again = drawn(5), drawn(5)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
