"""The eight ways a picture can lie."""

import numpy as np
import pytest

from pixelmix.media.orientation import Orientation, rotation, upright

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


@pytest.mark.parametrize(
    ("turn", "degrees"),
    [
        (Orientation(), 0),
        (Orientation(transpose=True, flip_y=True), 90),
        (Orientation(flip_x=True, flip_y=True), 180),
        (Orientation(transpose=True, flip_x=True), 270),
    ],
)
def test_turns_are_anticlockwise(turn: Orientation, degrees: int) -> None:
    assert rotation(turn) == degrees
    np.testing.assert_array_equal(upright(PICTURE, turn), np.rot90(PICTURE, degrees // 90))


def test_mirrored_pictures() -> None:
    np.testing.assert_array_equal(upright(PICTURE, Orientation(flip_x=True)), PICTURE[:, ::-1])
    np.testing.assert_array_equal(
        upright(PICTURE, Orientation(transpose=True)), PICTURE.transpose(1, 0, 2)
    )
