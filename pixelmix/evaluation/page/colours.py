"""Colours whose distances look as large as the numbers they stand for."""

import numpy as np
import numpy.typing as npt

from pixelmix.types import ByteArray

_LIGHTNESS = (0.12, 0.286, 0.452, 0.618, 0.784, 0.95)
_CHROMA = (0.05, 0.13, 0.17, 0.18, 0.14, 0.07)
_HUE = (275.0, 295.0, 335.0, 385.0, 430.0, 465.0)
"""Anchors of the ramp, evenly spaced: night blue, violet, crimson, orange, pale yellow."""

_TO_CONES = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_LINEAR_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def heat(levels: int) -> ByteArray:
    """Return `levels` colours from dark to bright, ``(levels, 3)`` sRGB.

    Lightness rises evenly in Oklab while the hue turns, so that equal steps look equal, in grey
    too.
    """
    anchors = np.linspace(0.0, 1.0, len(_LIGHTNESS))
    at = np.linspace(0.0, 1.0, levels)
    lightness, chroma, hue = (
        np.interp(at, anchors, values) for values in (_LIGHTNESS, _CHROMA, _HUE)
    )
    angle = np.radians(hue)
    return srgb(np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1))


def grey(levels: int) -> ByteArray:
    """Return `levels` greys from black to white, ``(levels, 3)`` sRGB, even in Oklab."""
    lightness = np.linspace(0.0, 1.0, levels)
    return srgb(np.stack([lightness, 0.0 * lightness, 0.0 * lightness], axis=-1))


def srgb(oklab: npt.NDArray[np.float64]) -> ByteArray:
    """Return sRGB bytes of Oklab colours, both ``(..., 3)``; colours outside sRGB are clipped.

    Oklab is Björn Ottosson's, "A perceptual color space for image processing" (2020); the
    transfer function is that of IEC 61966-2-1.
    """
    linear = np.clip((oklab @ _TO_CONES.T) ** 3 @ _TO_LINEAR_RGB.T, 0.0, 1.0)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    levels: ByteArray = np.round(255.0 * curve).astype(np.uint8)
    return levels
