"""What the numbers of a picture mean: matrix, range, transfer function, primaries."""

from dataclasses import dataclass
from typing import Self

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

_HD_HEIGHT = 720
"""From this height on, a video that does not say so is taken for BT.709, below for BT.601."""
_UNSPECIFIED = frozenset({0, 2, 3})
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
"""FFmpeg's numbers of the matrices its scaler knows, with the names it gives them."""
_LIKELY_MATRIX = {10: 9}
"""Matrices the scaler does not know, and those nearest to them."""


def likely_matrix(frame: VideoFrame) -> int:
    """Return the matrix (as `Colorspace`) of a picture that does not state it."""
    return Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601


def states_matrix(frame: VideoFrame) -> bool:
    """Whether a picture says with which matrix it was made."""
    return frame.colorspace not in _UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Colours:
    """How a video's pictures are coded, and what it states about that (FFmpeg's numbers)."""

    rgb: bool
    """Whether they are coded as RGB; they are then written with BT.709, limited range."""
    full_range: bool
    """Whether code values use the full scale."""
    matrix: int
    """As stated, or the likely one."""
    stated_matrix: int
    stated_range: int
    transfer: int
    primaries: int

    @classmethod
    def of(cls, frame: VideoFrame) -> Self:
        """Read them from a decoded picture."""
        name = frame.format.name
        rgb = frame.format.is_rgb or frame.format.has_palette
        full = name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        matrix = frame.colorspace if states_matrix(frame) else int(likely_matrix(frame))
        matrix = _LIKELY_MATRIX.get(matrix, matrix)
        if rgb or matrix not in _MATRICES:
            matrix = int(Colorspace.ITU709)
        stated_range = ColorRange.JPEG if full else frame.color_range
        return cls(
            rgb=rgb,
            full_range=full and not rgb,
            matrix=matrix,
            stated_matrix=matrix if rgb else frame.colorspace,
            stated_range=int(ColorRange.MPEG if rgb else stated_range),
            transfer=frame.color_trc,
            primaries=frame.color_primaries,
        )

    @property
    def range(self) -> int:
        """Of the code values as they are written."""
        return int(ColorRange.JPEG if self.full_range else ColorRange.MPEG)

    @property
    def matrix_name(self) -> str:
        """FFmpeg's name of the matrix."""
        return _MATRICES[self.matrix]

    @property
    def high_dynamic_range(self) -> bool:
        """Whether the transfer function is PQ or HLG."""
        return self.transfer in (16, 18)

    def describe(self, codec: VideoCodecContext) -> None:
        """State in an encoder, not yet open, what the source stated."""
        codec.colorspace = self.stated_matrix
        codec.color_range = self.stated_range
        codec.color_trc = self.transfer
        codec.color_primaries = self.primaries
