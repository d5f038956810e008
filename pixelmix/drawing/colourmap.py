"""A colour map whose steps look alike, from dark violet through red to light yellow."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pixelmix.types import BoolArray, ByteArray

_DARK, _LIGHT = 0.30, 0.95
"""Lightness in Oklab at both ends; it rises evenly, so that equal steps look equal."""
_VIOLET, _YELLOW = 295.0, 465.0
"""Hue in degrees at both ends, the way through red."""
_STRONG = 0.25
"""Chroma where the screen's colours allow it; else as much as they do."""
_SIZE = 256

Float64Array = npt.NDArray[np.float64]


@lru_cache(maxsize=1)
def heat() -> ByteArray:
    """Return the map ``(256, 3)``, sRGB."""
    share = np.linspace(0.0, 1.0, _SIZE)
    lightness = _DARK + (_LIGHT - _DARK) * share
    hue = np.deg2rad(_VIOLET + (_YELLOW - _VIOLET) * share)
    chroma = np.full(_SIZE, _STRONG)
    for _ in range(200):
        chroma = np.where(_inside(lightness, chroma, hue), chroma, 0.99 * chroma)
    # The limit of the screen has corners; the eye would see them as bands.
    smooth = np.minimum(
        chroma, np.convolve(np.pad(chroma, 24, "edge"), np.full(49, 1 / 49), "valid")
    )
    linear = np.clip(_linear(lightness, smooth, hue), 0.0, 1.0)
    display = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    table: ByteArray = np.rint(255 * display).astype(np.uint8)
    table.flags.writeable = False
    return table


def _inside(lightness: Float64Array, chroma: Float64Array, hue: Float64Array) -> BoolArray:
    linear = _linear(lightness, chroma, hue)
    return np.asarray(((linear >= 0.0) & (linear <= 1.0)).all(axis=1))


def _linear(lightness: Float64Array, chroma: Float64Array, hue: Float64Array) -> Float64Array:
    """Return linear sRGB ``(n, 3)`` of Oklab (Björn Ottosson, 2020, the published matrices)."""
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    roots = lab @ np.array(
        [
            [1.0, 1.0, 1.0],
            [0.3963377774, -0.1055613458, -0.0894841775],
            [0.2158037573, -0.0638541728, -1.2914855480],
        ]
    )
    found: Float64Array = roots**3 @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    return found
