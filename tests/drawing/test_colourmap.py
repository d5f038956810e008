"""The colour map of the heat map: equal steps look equal."""

import numpy as np

from pixelmix.drawing.colourmap import heat


def lightness() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """CIE L* of the map, an independent measure of how light a colour looks."""
    srgb = heat() / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = 116 * np.cbrt(y) - 16
    return found


def test_it_grows_lighter_all_the_way() -> None:
    steps = np.diff(lightness())
    assert steps.min() > -0.5  # rounding to whole values
    assert lightness()[-1] - lightness()[0] > 60


def test_equal_parts_are_equally_far_apart() -> None:
    parts = np.diff(lightness()[::32])
    assert parts.max() < 2.2 * parts.min()


def test_no_bands_show() -> None:
    assert np.abs(np.diff(heat().astype(int), axis=0)).max() <= 8


def test_it_cannot_be_changed() -> None:
    assert heat().shape == (256, 3)
    assert not heat().flags.writeable
