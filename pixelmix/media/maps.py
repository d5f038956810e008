"""Small pictures to be laid over a video: which one is seen at a time, and in what form."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from pixelmix.media.light import in_video_light
from pixelmix.types import ByteArray, FloatArray

HEADROOM = 3 / 8
"""Code values left free below and above: FFmpeg's guided filter overshoots and does not clip."""
_REACH = 1.0
"""Cells over which a colour fades into transparent neighbours."""
_OPAQUE = 0.02
"""Opacity from which a cell's own colour prevails over its neighbours'."""


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Small pictures to be laid over the video, one after another."""

    start: float
    """Time of the first, seconds on the container's clock."""
    period: Fraction
    """Seconds between them."""
    pictures: Iterable[ByteArray]
    """Each (rows, cols, 4), RGBA with straight alpha: where it is 0 the video shows. A cell
    covers height / rows x width / cols of the picture as a player shows it."""
    end: float | None = None
    """When the last one ends, where that is known; nothing moves any more from then on."""


class Course:
    """The maps as they pass, each from its own time on.

    Before the first map there is the first one, behind the last one the last; without any, the
    video shows. Times must ascend; two maps are held. Where `maps` gives the same array again, it
    is the same array that comes out: what shows it need not draw anew.
    """

    def __init__(self, maps: Maps) -> None:
        self._start = Fraction(maps.start)
        self._period = maps.period
        self._pictures: Iterator[ByteArray] = iter(maps.pictures)
        self._number = 0
        self._now = next(self._pictures, np.zeros((1, 1, 4), np.uint8))
        self._shown = _premultiplied(self._now)
        self._next = next(self._pictures, None)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._now.shape[0], self._now.shape[1]

    def at(self, time: Fraction) -> FloatArray:
        """Return the map (rows, cols, 4) at a time, seconds: 0 to 1, premultiplied."""
        while self._next is not None and time >= self._start + (self._number + 1) * self._period:
            if self._next is not self._now:
                self._now, self._shown = self._next, _premultiplied(self._next)
            self._number += 1
            self._next = next(self._pictures, None)
        return self._shown


def _premultiplied(picture: ByteArray) -> FloatArray:
    scaled = picture.astype(np.float32) * np.float32(1 / 255)
    scaled[..., :3] *= scaled[..., 3:]
    return scaled


def code_values(cells: FloatArray, transfer: int) -> npt.NDArray[np.uint16]:
    """Turn a premultiplied map into the straight RGBA (rows, cols, 4) that the graph takes.

    Transparent cells get the colour of those around them, so that nothing dark is drawn in when
    the map is enlarged. Values lie between `HEADROOM` and ``1 - HEADROOM`` of the full scale.
    """
    opacity = cells[..., 3:]
    rows, cols = _fade(cells.shape[0]), _fade(cells.shape[1])
    around = np.einsum("rkc,kl->rlc", np.tensordot(rows, cells, 1), cols)
    colour = cells[..., :3] + _OPAQUE * around[..., :3] / np.maximum(around[..., 3:], 1e-9)
    colour = in_video_light(np.clip(colour / (opacity + _OPAQUE), 0.0, 1.0), transfer)
    straight = np.concatenate([colour, opacity], axis=-1)
    return np.rint((HEADROOM + (1 - 2 * HEADROOM) * straight) * 65_535).astype(np.uint16)


@cache
def _fade(size: int) -> FloatArray:
    """Weights (size, size) that fall with the distance of two cells."""
    index = np.arange(size, dtype=np.float32)
    weights: FloatArray = np.exp(-np.abs(index[:, None] - index) / np.float32(_REACH))
    return weights
