import numpy as np
import pytest

from pixelmix.drawing.outlines import largest_parts, outline

BLUE, ORANGE = (46, 94, 255), (218, 119, 45)
PICTURE = np.full((140, 240, 3), 128, np.uint8)


def test_regions_keep_their_light_and_are_lined_in_their_colour() -> None:
    cells = np.zeros((2, 14, 24), bool)
    cells[0, 3:10, 3:9] = True
    cells[1, 5:12, 14:21] = True
    drawn = outline(PICTURE, cells, [BLUE, ORANGE]).astype(int)
    assert drawn[5, 120].max() < 90
    for (x, y), colour in (((60, 65), BLUE), ((175, 85), ORANGE)):
        np.testing.assert_allclose(drawn[y, x], 0.78 * 128 + 0.22 * np.array(colour), atol=1)
    for colour, left in ((BLUE, True), (ORANGE, False)):
        line = (drawn == colour).all(axis=2)
        own, other = (line[:, :120], line[:, 120:]) if left else (line[:, 120:], line[:, :120])
        assert not other.any()
        # It goes all around: seven rows and six columns of cells, 10 pixels each.
        assert own.any(axis=1).sum() > 65
        assert own.any(axis=0).sum() > 55


def test_single_cells_and_cells_at_the_edge_are_seen() -> None:
    for row, col in ((7, 12), (0, 0), (13, 23)):
        cells = np.zeros((1, 14, 24), bool)
        cells[0, row, col] = True
        drawn = outline(PICTURE, cells, [BLUE])
        assert (drawn == BLUE).all(axis=2).sum() > 20


def test_without_regions_the_picture_stays() -> None:
    for cells in (np.zeros((0, 14, 24), bool), np.zeros((2, 14, 24), bool)):
        np.testing.assert_array_equal(outline(PICTURE, cells, [BLUE] * len(cells)), PICTURE)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_pictures_of_hardly_any_size(shape: tuple[int, int]) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    assert outline(picture, np.ones((1, 3, 4), bool), [BLUE]).shape == picture.shape


def test_the_largest_parts_from_left_to_right() -> None:
    cells = np.zeros((6, 12), bool)
    cells[0:2, 8:11] = cells[3:5, 0:2] = cells[5, 6] = True
    cells[2, 11] = True
    parts = largest_parts(cells, 2)
    assert [int(part.sum()) for part in parts] == [4, 7]
    assert len(largest_parts(cells, 9)) == 3
    assert largest_parts(np.zeros((3, 3), bool), 2) == []
