import itertools

import numpy as np
import numpy.typing as npt
import pytest

from pixelmix.regions.colours import colour, rgb

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(text: str) -> npt.NDArray[np.float64]:
    parts = np.array(rgb(text)) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def luminance(text: str) -> float:
    return float(linear(text) @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("count", "least"), [(2, 0.25), (6, 0.11), (12, 0.075)])
def test_colours_are_told_apart_with_every_kind_of_eye(
    sight: str, count: int, least: float
) -> None:
    seen = [
        np.cbrt(TO_CONES @ np.clip(SIGHTS[sight] @ linear(colour(i)), 0, 1)) for i in range(count)
    ]
    distances = [
        np.linalg.norm(TO_OKLAB @ (one - other)) for one, other in itertools.combinations(seen, 2)
    ]
    assert min(distances) >= least


def test_all_are_seen_on_black_and_on_white() -> None:
    for i in range(12):
        light = luminance(colour(i))
        assert (light + 0.05) / 0.05 >= 3  # the contrast ratio of WCAG 2
        assert 1.05 / (light + 0.05) >= 1.9


def test_colours_repeat_after_twelve() -> None:
    assert len({colour(i) for i in range(100)}) == 12
    assert [colour(i) for i in range(12)] == [colour(i + 12) for i in range(12)]


def test_parts_of_a_colour() -> None:
    assert rgb("#0180ff") == (1, 128, 255)
    for i in range(12):
        assert "#{:02x}{:02x}{:02x}".format(*rgb(colour(i))) == colour(i)
