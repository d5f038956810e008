"""What borders on a louder region is its edge, and maps of one size become those of another."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.discovery.places import bordering, enlarged, prominent, reduced, without_edges

Cells = npt.NDArray[np.float32]
ROWS, COLS = 6, 12


def place(row: int, col: int, energy: float) -> Cells:
    cells = np.zeros((ROWS, COLS), np.float32)
    cells[row : row + 2, col : col + 2] = energy
    return cells


PLAYER, EDGE, OTHER = place(2, 1, 5.0), place(2, 3, 1.0), place(2, 9, 1.0)


def test_the_edge_of_a_player_is_no_place_of_another() -> None:
    cells = np.stack([PLAYER, EDGE + OTHER])[:, None]
    first, second = without_edges(cells)[:, 0]
    np.testing.assert_array_equal(first, PLAYER + EDGE)
    np.testing.assert_array_equal(second, OTHER)
    # The order in which they come makes no difference, and what was given is left as it was.
    second, first = without_edges(cells[::-1])[:, 0]
    np.testing.assert_array_equal(first, PLAYER + EDGE)
    np.testing.assert_array_equal(cells[1, 0], EDGE + OTHER)


def test_who_stands_beside_another_keeps_the_place() -> None:
    cells = np.stack([PLAYER, EDGE])[:, None]
    np.testing.assert_array_equal(without_edges(cells), cells)


def test_who_comes_from_elsewhere_keeps_both_places() -> None:
    there, here = np.stack([PLAYER, OTHER]), np.stack([PLAYER, EDGE])
    cells = np.stack([there, here], axis=1)
    np.testing.assert_array_equal(without_edges(cells), cells)


def test_a_faint_place_elsewhere_does_not_make_an_edge() -> None:
    cells = np.stack([PLAYER, EDGE + 0.1 * OTHER])[:, None]
    np.testing.assert_array_equal(without_edges(cells), cells)


@given(seed=st.integers(0, 200), regions=st.integers(0, 4), scenes=st.integers(1, 3))
@settings(deadline=None)
def test_edges_change_hands_and_nothing_gets_lost(seed: int, regions: int, scenes: int) -> None:
    random = np.random.default_rng(seed)
    cells = random.random((regions, scenes, ROWS, COLS), np.float32)
    cells *= random.random(cells.shape) < 0.3
    # Every cell belongs to one region at most.
    cells *= np.arange(regions)[:, None, None, None] == cells.argmax(axis=0) if regions else 1.0
    after = without_edges(cells)
    assert after.shape == cells.shape
    np.testing.assert_array_equal(after.sum(axis=0), cells.sum(axis=0))


def test_what_counts_is_seen_from_the_best_cell_of_each_map() -> None:
    cells = np.stack([place(0, 0, 1.0) + place(4, 4, 0.31), place(0, 0, 9.0) + place(4, 4, 2.0)])
    assert prominent(cells).sum(axis=(1, 2)).tolist() == [8, 4]
    assert not prominent(0.0 * cells).any()
    assert bordering(place(2, 5, 1.0) > 0).sum() == 16


@pytest.mark.parametrize("shape", [(6, 12), (8, 17), (12, 24), (9, 12)])
def test_larger_maps_and_back(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    cells = random.random((ROWS, COLS)) < 0.4
    larger = enlarged(cells, shape)
    assert larger.shape == shape
    back = reduced(larger.astype(np.float32), (ROWS, COLS))
    if shape[0] % ROWS == shape[1] % COLS == 0:
        np.testing.assert_array_equal(back > 0, cells)
    else:
        # What lies across two cells counts in the one that its corner is in.
        assert (back > 0).any(axis=1).tolist() == cells.any(axis=1).tolist()


def test_a_smaller_map_keeps_the_most() -> None:
    larger = np.zeros((12, 24), np.float32)
    larger[5, 9], larger[4, 8] = 3.0, 2.0
    smaller = reduced(larger, (ROWS, COLS))
    assert smaller[2, 4] == 3.0
    assert smaller.sum() == 3.0
