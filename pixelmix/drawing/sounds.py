"""Sound as pictures: a spectrogram coloured by region, and loudness over time."""

from collections.abc import Sequence

import numpy as np

from pixelmix.drawing.canvas import GREY, PANEL, Colour
from pixelmix.types import ByteArray, FloatArray

_SPECTRUM_RANGE, LOUDNESS_RANGE = 70.0, 50.0
"""From the loudest to what is drawn as nothing, dB."""
_SILENCE = -40.0
"""What is quieter than this is no loudest part of anything, dB."""
_PURE = 0.72
"""Level, 0 to 1, that is drawn in the pure colour; it is darker below and paler above."""
_PALE = 0.6
_ASIDE = 0.4
"""Strength of the colour where a region does not count as sounding."""


def spectrogram(levels: FloatArray, weights: FloatArray, colours: Sequence[Colour]) -> ByteArray:
    """Return ``(rows, columns, 3)``, high frequencies on top: hue by owner, brightness by level.

    Parameters
    ----------
    levels
        (rows, columns) dB, rows low to high.
    weights
        (regions, rows, columns), 0 to 1; what they leave is the rest, in grey.
    colours
        Of the regions.
    """
    claimed = weights.sum(axis=0)
    palette = np.array([*colours, GREY], np.float32)
    parts = np.concatenate([weights, np.clip(1 - claimed, 0, 1)[None]])
    parts = parts / np.maximum(parts.sum(axis=0), 1.0)
    owner = np.tensordot(parts, palette, axes=(0, 0))
    level = _heights(levels, _SPECTRUM_RANGE)[..., None]
    dark = np.array(PANEL, np.float32)
    drawn = dark + (owner - dark) * np.minimum(level / _PURE, 1.0)
    drawn += (255.0 - drawn) * _PALE * np.maximum(level - _PURE, 0.0) / (1 - _PURE)
    picture: ByteArray = np.round(drawn[::-1]).clip(0, 255).astype(np.uint8)
    return picture


def loudness_heights(loudness: FloatArray, columns: int) -> FloatArray:
    """Return ``(regions + 1, columns)``, 0 to 1, of ``(regions + 1, steps)`` dB.

    The loudest of all is one. A column that holds many steps shows the loudest of them.
    """
    heights = _heights(loudness, LOUDNESS_RANGE)
    steps = heights.shape[1]
    if steps == 0:
        return np.zeros((len(heights), columns), np.float32)
    if steps <= columns:
        at = (np.arange(columns) + 0.5) * steps / columns - 0.5
        rows = [np.interp(at, np.arange(steps), row) for row in heights]
        return np.array(rows, np.float32).reshape(len(heights), columns)
    firsts = np.arange(columns) * steps // columns
    fullest: FloatArray = np.maximum.reduceat(heights, firsts, axis=1)
    return fullest


def strip(
    heights: FloatArray, sounding: Sequence[tuple[int, int]] | None, height: int, colour: Colour
) -> ByteArray:
    """Return ``(height, columns, 3)``: one region's loudness, with bars while it sounds.

    Parameters
    ----------
    heights
        (columns,), 0 to 1.
    sounding
        Columns from and to; None for what has no such times.
    height, colour
        Of the strip.
    """
    bar = max(3, height // 10)
    strength = np.full(len(heights), 1.0 if sounding is None else _ASIDE, np.float32)
    below = np.zeros(len(heights), bool)
    for start, stop in sounding or ():
        strength[start:stop] = 1.0
        below[start:stop] = True
    room = height - bar - 2
    above = np.arange(room, 0, -1, dtype=np.float32)[:, None] - 1
    covered = np.clip(heights * room - above, 0.0, 1.0) * strength
    cover = np.zeros((height, len(heights)), np.float32)
    cover[:room] = covered
    cover[height - bar :] = below
    dark = np.array(PANEL, np.float32)
    drawn = dark + cover[..., None] * (np.array(colour, np.float32) - dark)
    strip_picture: ByteArray = np.round(drawn).astype(np.uint8)
    return strip_picture


def _heights(levels: FloatArray, span: float) -> FloatArray:
    """Return levels in dB as 0 (`span` dB below the greatest, or silence) to 1."""
    finite = np.nan_to_num(levels, nan=-1e3, neginf=-1e3, posinf=1e3)
    top = max(float(finite.max(initial=_SILENCE)), _SILENCE)
    heights: FloatArray = np.clip((finite - top) / span + 1.0, 0.0, 1.0).astype(np.float32)
    return heights
