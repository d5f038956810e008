"""From cells to boxes in the picture."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.discovery.places import around, boxes
from pixelmix.types import Box


def cells_with(*placed: tuple[int, int, int, int, float]) -> np.ndarray:
    """Cells ``(6, 10)``; rows and columns from and to, and the value there."""
    cells = np.zeros((6, 10), np.float32)
    for top, bottom, left, right, value in placed:
        cells[top:bottom, left:right] = value
    return cells


def test_a_box_is_around_the_cells_in_displayed_pixels() -> None:
    assert boxes(cells_with((1, 3, 2, 5, 1.0)), 1000, 300) == (Box(200.0, 50.0, 300.0, 100.0),)


def test_two_places_are_two_boxes_from_left_to_right() -> None:
    found = boxes(cells_with((0, 2, 6, 9, 1.0), (3, 6, 0, 2, 0.8)), 1000, 300)
    assert [box.x for box in found] == [0.0, 600.0]
    assert around(found) == Box(0.0, 0.0, 900.0, 300.0)


def test_cells_that_touch_at_a_corner_are_one_place() -> None:
    assert len(boxes(cells_with((1, 3, 2, 4, 1.0), (3, 5, 4, 6, 1.0)), 100, 60)) == 1


def test_what_is_small_or_faint_is_no_place() -> None:
    assert len(boxes(cells_with((0, 3, 0, 3, 1.0), (5, 6, 9, 10, 1.0)), 100, 60)) == 1
    assert len(boxes(cells_with((0, 3, 0, 3, 1.0), (3, 6, 6, 9, 0.2)), 100, 60)) == 1


def test_nothing_is_everywhere() -> None:
    assert boxes(np.zeros((6, 10), np.float32), 100, 60) == (Box(0.0, 0.0, 100.0, 60.0),)


@given(
    seed=st.integers(0, 999),
    rows=st.integers(1, 14),
    cols=st.integers(1, 56),
    width=st.integers(1, 4000),
    height=st.integers(1, 4000),
)
@settings(max_examples=60, deadline=None)
def test_boxes_lie_in_the_picture(seed: int, rows: int, cols: int, width: int, height: int) -> None:
    cells = np.random.default_rng(seed).random((rows, cols), dtype=np.float32) ** 4
    found = boxes(cells, width, height)
    assert found
    assert list(found) == sorted(found, key=lambda box: (box.x, box.y))
    for box in (*found, around(found)):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= width * (1 + 1e-9)
        assert box.y + box.height <= height * (1 + 1e-9)
        assert box.width >= 0.999 * width / cols
        assert box.height >= 0.999 * height / rows
