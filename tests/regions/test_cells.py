"""Cells of the feature map under points and boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.regions.cells import pool, region_cells
from pixelmix.types import Box

sizes = st.integers(1, 4000)
counts = st.integers(1, 40)
shares = st.floats(0, 1)


@given(sizes, sizes, counts, counts)
def test_the_full_picture_is_all_cells(width: int, height: int, rows: int, cols: int) -> None:
    cells = region_cells(Box(0, 0, width, height), width, height, rows, cols)
    assert cells == (slice(0, rows), slice(0, cols))


@given(sizes, sizes, counts, counts, st.tuples(shares, shares, shares, shares))
def test_cells_whose_centres_lie_in_the_box(
    width: int, height: int, rows: int, cols: int, box: tuple[float, float, float, float]
) -> None:
    x, y = box[0] * width, box[1] * height
    w, h = max(box[2] * (width - x), 1e-3), max(box[3] * (height - y), 1e-3)
    down, across = region_cells(Box(x, y, w, h), width, height, rows, cols)
    for cells, count, start, extent, size in (
        (down, rows, y, h, height),
        (across, cols, x, w, width),
    ):
        assert 0 <= cells.start < cells.stop <= count
        centres = (np.arange(count) + 0.5) * size / count
        slack = 1e-6 * size
        sure = (centres >= start + slack) & (centres <= start + extent - slack)
        chosen = np.zeros(count, dtype=bool)
        chosen[cells] = True
        assert chosen[sure].all()
        if cells.stop - cells.start > 1:
            assert (centres[chosen] >= start - slack).all()
            assert (centres[chosen] <= start + extent + slack).all()


def test_a_small_box_is_the_nearest_cell() -> None:
    assert region_cells(Box(17, 1, 3, 3), 160, 160, 10, 10) == (slice(0, 1), slice(1, 2))
    assert region_cells(Box(159, 159, 1, 1), 160, 160, 10, 10) == (slice(9, 10), slice(9, 10))


@pytest.mark.parametrize(
    ("x", "y", "down", "across"),
    [
        (80, 80, slice(4, 7), slice(4, 7)),
        (0, 0, slice(0, 2), slice(0, 2)),
        (159.9, 159, slice(8, 10), slice(8, 10)),
        (0, 80, slice(4, 7), slice(0, 2)),
    ],
)
def test_a_point_is_three_by_three_cells(x: float, y: float, down: slice, across: slice) -> None:
    assert region_cells(Box(x, y, 0, 0), 160, 160, 10, 10) == (down, across)


def test_a_point_on_a_tiny_map() -> None:
    assert region_cells(Box(5, 5, 0, 0), 10, 10, 1, 1) == (slice(0, 1), slice(0, 1))


def test_pooling_is_the_maximum_over_pictures_and_cells() -> None:
    features = np.random.default_rng(0).random((3, 32, 14, 25), dtype=np.float32)
    cells = (slice(2, 5), slice(10, 11))
    pooled = pool(features, cells)
    assert pooled.shape == (32,)
    assert pooled.dtype == np.float32
    np.testing.assert_array_equal(pooled, features[:, :, 2:5, 10:11].max(axis=(0, 2, 3)))


@pytest.mark.parametrize(
    ("start", "extent", "expected"),
    [
        (8, 32, slice(0, 3)),  # from the first centre to the third
        (8.1, 31.9, slice(1, 3)),
        (8, 31.9, slice(0, 2)),
        (24, 1, slice(1, 2)),
    ],
)
def test_a_centre_on_the_edge_belongs_to_the_box(
    start: float, extent: float, expected: slice
) -> None:
    down, across = region_cells(Box(start, start, extent, extent), 160, 160, 10, 10)
    assert down == across == expected
