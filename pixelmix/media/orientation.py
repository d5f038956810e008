"""How a decoded picture is turned to be seen as a player shows it."""

import struct
from dataclasses import dataclass

import numpy as np
from av.buffer import Buffer
from av.video.frame import VideoFrame

from pixelmix.types import ByteArray

_TINY = 16


@dataclass(frozen=True, slots=True)
class Orientation:
    """Transpose first, then flip: the eight ways a picture can lie."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False


def orientation(frame: VideoFrame) -> Orientation:
    """Read the display matrix of a decoded frame (upright when it has none).

    FFmpeg's matrix is row-major 16.16 fixed point with ``x' = a x + c y`` and
    ``y' = b x + d y``, y downwards (libavutil/display.h). Angles between the quarter turns go
    to the nearest one.
    """
    # A frame whose side data was looked at lives on until the garbage collector finds it, and
    # its decoder's buffers with it: a tiny copy carries the same data.
    tiny = frame.reformat(width=_TINY, height=_TINY, threads=1)
    matrix = tiny.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, Buffer):
        return Orientation()
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(transpose=False, flip_x=a < 0, flip_y=d < 0)
    return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)


def rotation(turn: Orientation) -> int:
    """Degrees anticlockwise that turn the coded picture upright, mirroring left aside."""
    if turn.transpose:
        return 90 if turn.flip_y else 270
    return 180 if turn.flip_y else 0


def upright(rgb: ByteArray, turn: Orientation) -> ByteArray:
    """Turn a picture (height, width, 3) upright; the result is contiguous."""
    if turn.transpose:
        rgb = rgb.transpose(1, 0, 2)
    if turn.flip_x:
        rgb = rgb[:, ::-1]
    if turn.flip_y:
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)
